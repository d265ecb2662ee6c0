/** Golden traces: whole rounds as stories in test/traces, compared word by word. */
import { describe, expect, it } from 'vitest';
import { Story } from '../../traces/story.ts';
import { MaskedStory } from '../../traces/masked-story.ts';
import { rules, site, sites } from '../fixtures.ts';

const keeps = (story: Story, name: string): Promise<void> =>
  expect(story.text()).toMatchFileSnapshot(`../../traces/${name}.txt`);

describe('a round as a story', () => {
  it('all well', async () => {
    const story = new Story('All well', ['a', 'b', 'c']).agree('a', 'b', 'c').send('b', 'a', 'c').finish();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('a', 'b', 'c'), dropped: [] });
    await keeps(story, 'all-well');
  });

  it('waits for enough sites', async () => {
    const story = new Story('Waits for enough sites', ['a']).comes('a').goes('a').comes('b').comes('c');
    expect(story.round.phase).toBe('advertising');
    await keeps(story, 'waits-for-enough-sites');
  });

  it('one site drops in each phase', async () => {
    const story = new Story('One site drops in each phase', ['a', 'b', 'c', 'd', 'e'])
      .goes('a')
      .agree('b', 'c', 'd', 'e')
      .goes('b')
      .send('c')
      .goes('c')
      .send('d', 'e')
      .goes('d')
      .finish();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('c', 'd', 'e') });
    await keeps(story, 'one-drops-in-each-phase');
  });

  it('a straggler', async () => {
    const story = new Story('A straggler: c is slower than the deadline', ['a', 'b', 'c'])
      .agree('a', 'b', 'c')
      .send('a', 'b')
      .deadline()
      .send('c')
      .finish()
      .send('c', 'a');
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('a', 'b') });
    await keeps(story, 'straggler');
  });

  it('slow sites that advance', async () => {
    const slow = rules({ deadlinesMs: { selecting: 1000, advertising: 2000, training: 3000, quiet: 5000 } });
    const story = new Story(
      'b trains and c uploads beyond the deadline; d does nothing',
      ['a', 'b', 'c', 'd'],
      slow,
    )
      .agree('a', 'b', 'c', 'd')
      .send('a')
      .trains('b', 10)
      .trains('b', 20)
      .uploads('c')
      .deadline()
      .trains('b', 30)
      .send('c')
      .deadline()
      .trains('b', 40)
      .deadline()
      .finish();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('a', 'c') });
    await keeps(story, 'slow-but-advancing');
  });

  it('a site that lies about shape, and one that sends NaN', async () => {
    const story = new Story('b lies about the shape of its update, c sends NaN', ['a', 'b', 'c', 'd'])
      .agree('a', 'b', 'c', 'd')
      .notAdmitted('b', 'wrong-shape')
      .send('a')
      .notAdmitted('c', 'non-finite')
      .send('b')
      .send('d')
      .finish();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('a', 'd') });
    await keeps(story, 'bad-updates');
  });

  it('everyone leaves', async () => {
    const story = new Story('Everyone leaves', ['a', 'b', 'c']).agree('a', 'b', 'c').goes('c', 'b', 'a');
    expect(story.round).toMatchObject({ phase: 'aborted', reason: 'survivors-below-minimum' });
    await keeps(story, 'everyone-leaves');
  });

  it('a refusal, duplicates, and a message out of time', async () => {
    const story = new Story('Refusal, duplicates, messages of other rounds', ['a', 'b', 'c', 'd'])
      .refuse('d')
      .agree('a', 'a', 'b', 'c')
      .sendFor('a', { attempt: 2 })
      .sendFor('b', { round: 0 })
      .send('b', 'b')
      .agree('b')
      .send('c')
      .finish();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites('b', 'c') });
    await keeps(story, 'duplicates-and-other-rounds');
  });

  it('too few answer the announcement', async () => {
    const story = new Story('Too few answer the announcement', ['a', 'b', 'c'], rules({ minimumCohort: 3 }))
      .agree('a', 'b')
      .deadline();
    expect(story.round).toMatchObject({ phase: 'aborted', reason: 'cohort-below-minimum' });
    await keeps(story, 'too-few-answer');
  });

  it('somebody stops the run', async () => {
    const story = new Story('Somebody stops the run', ['a', 'b'])
      .agree('a', 'b')
      .send('a')
      .happens({ kind: 'stop' })
      .send('b')
      .happens({ kind: 'stop' });
    expect(story.round).toMatchObject({ phase: 'aborted', reason: 'stopped' });
    await keeps(story, 'stopped');
  });
});

describe('a round under secure aggregation as a story', () => {
  const five = ['a', 'b', 'c', 'd', 'e'];

  it('all well', async () => {
    const story = new MaskedStory('Secure aggregation: all well', five)
      .advertise(...five)
      .deal(...five)
      .sendMasked(...five)
      .sign(...five)
      .reveal(...five)
      .unmasked();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites(...five), dropped: [] });
    await keeps(story, 'masked-all-well');
  });

  it.each([
    [
      'advertising',
      (story: MaskedStory) =>
        story
          .goes('e')
          .advertise('a', 'b', 'c', 'd')
          .deal('a', 'b', 'c', 'd')
          .sendMasked('a', 'b', 'c', 'd')
          .sign('a', 'b', 'c', 'd')
          .reveal('a', 'b', 'c', 'd'),
    ],
    [
      'sharing-keys',
      (story: MaskedStory) =>
        story
          .advertise(...five)
          .deal('a', 'b', 'c', 'd')
          .goes('e')
          .sendMasked('a', 'b', 'c', 'd')
          .sign('a', 'b', 'c', 'd')
          .reveal('a', 'b', 'c', 'd'),
    ],
    [
      'training',
      (story: MaskedStory) =>
        story
          .advertise(...five)
          .deal(...five)
          .sendMasked('a', 'b', 'c', 'd')
          .goes('e')
          .sign('a', 'b', 'c', 'd')
          .reveal('a', 'b', 'c', 'd'),
    ],
    [
      'consistency',
      (story: MaskedStory) =>
        story
          .advertise(...five)
          .deal(...five)
          .sendMasked(...five)
          .sign('a', 'b', 'c', 'd')
          .goes('e')
          .reveal('a', 'b', 'c', 'd'),
    ],
    [
      'unmasking',
      (story: MaskedStory) =>
        story
          .advertise(...five)
          .deal(...five)
          .sendMasked(...five)
          .sign(...five)
          .reveal('a', 'b', 'c', 'd')
          .goes('e'),
    ],
  ])('one drops in %s', async (phase, tell) => {
    const story = new MaskedStory(`Secure aggregation: e drops in ${phase}`, five);
    tell(story).unmasked();
    const survivors = phase === 'consistency' || phase === 'unmasking' ? five : five.slice(0, 4);
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites(...survivors) });
    await keeps(story, `masked-one-drops-in-${phase}`);
  });

  it('one leaves after its update and is not waited for', async () => {
    const story = new MaskedStory('Secure aggregation: e sends its update and leaves', five)
      .advertise(...five)
      .deal(...five)
      .sendMasked('e')
      .goes('e')
      .sendMasked('a', 'b', 'c', 'd')
      .sign('a', 'b', 'c', 'd')
      .reveal('a', 'b', 'c', 'd')
      .unmasked();
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites(...five) });
    await keeps(story, 'masked-leaves-after-its-update');
  });

  it('a culprit', async () => {
    const story = new MaskedStory('Secure aggregation: b reveals a share that was not dealt', five)
      .advertise(...five)
      .deal(...five)
      .sendMasked(...five)
      .sign(...five)
      .reveal(...five)
      .unmasked({ siteId: site('b'), reason: 'bad-share' });
    expect(story.round).toMatchObject({ phase: 'published', survivors: sites(...five) });
    await keeps(story, 'masked-culprit');
  });

  it('a split view is refused', async () => {
    const story = new MaskedStory('Secure aggregation: a and b have signed other survivors', five)
      .advertise(...five)
      .deal(...five)
      .sendMasked(...five)
      .signOthers('a', 'a', 'b', 'c', 'd')
      .signOthers('b', 'a', 'b', 'c', 'd');
    expect(story.round).toMatchObject({ phase: 'aborted', reason: 'below-threshold', spent: false });
    await keeps(story, 'masked-split-view');
  });

  it('too few reveal', async () => {
    const story = new MaskedStory('Secure aggregation: too few reveal', five)
      .advertise(...five)
      .deal(...five)
      .sendMasked(...five)
      .sign(...five)
      .reveal('a', 'b', 'c')
      .deadline();
    expect(story.round).toMatchObject({ phase: 'aborted', reason: 'below-threshold', spent: true });
    await keeps(story, 'masked-too-few-reveal');
  });
});
