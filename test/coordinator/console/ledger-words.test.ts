import { describe, expect, it } from 'vitest';
import { actWords, detailWords } from '../../../coordinator/console/ledger/act-words.ts';
import { NO_FILTER, searchQuery } from '../../../coordinator/console/ledger/ledger-filter.ts';

describe('searchQuery', () => {
  it('asks for what was entered and for nothing else', () => {
    expect(searchQuery(NO_FILTER, undefined).toString()).toBe('limit=200');
    const filter = { ...NO_FILTER, text: '  st mary ', act: 'login', to: 'not a time' };
    expect(Object.fromEntries(searchQuery(filter, 301))).toEqual({
      ...{ limit: '200', text: 'st mary', act: 'login', before: '301' },
    });
  });

  it('means times in the zone of the reader', () => {
    const from = new Date(2026, 10, 23, 9, 30);
    const query = searchQuery({ ...NO_FILTER, from: '2026-11-23T09:30' }, undefined);
    expect(query.get('from')).toBe(from.toISOString());
  });
});

describe('words of entries', () => {
  it('shows an act that it does not know as it is', () => {
    expect(actWords('site-active')).toBe('Site approved');
    expect(actWords('toString')).toBe('toString');
  });

  it('writes any detail in one line', () => {
    expect(detailWords({ hours: 72, name: 'chest', sites: ['a', 'b'] })).toBe(
      'hours: 72 · name: chest · sites: ["a","b"]',
    );
    expect(detailWords({})).toBe('');
    expect(detailWords(null)).toBe('');
    expect(detailWords('forged')).toBe('"forged"');
  });
});
