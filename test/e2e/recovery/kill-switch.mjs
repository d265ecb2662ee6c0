/**
 * Loaded before a program (`--import`), ends it with SIGKILL at a chosen moment. What is to be done stands in the query of
 * this file's URL, so that nothing of it is in the program or in its environment.
 *
 * - `write=<n>&when=before|after`: at the n-th durable write of the first round that begins in this process, from 0: a
 *   commit of the database, or the rename that puts a file in its place. Where that round has fewer, the process ends
 *   itself all the same, and says so.
 * - `list=1`: nobody is killed.
 * - `emit=<event>&nth=<n>`: when it has sent the n-th frame of this kind, from 1.
 * - `hear=<event>&of=<answer>`: when such an acknowledgement comes, before anything is done about it.
 * - `stretch=<ms>&to=<ms>`: nobody is killed; timers of that length are longer. A site that starts on a busy machine needs
 *   more than the grace that a lost connection is given.
 *
 * What it sees is appended to the file `log`, a line each.
 */
import { appendFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import Libsql from 'libsql';
import { Socket } from 'socket.io-client';

const wanted = new URL(import.meta.url).searchParams;
const number = (name) => (wanted.has(name) ? Number(wanted.get(name)) : undefined);
const [at, when] = [number('write'), wanted.get('when')];

function note(line) {
  appendFileSync(wanted.get('log'), `${line}\n`);
}

function die(why) {
  note(why);
  process.kill(process.pid, 'SIGKILL');
}

/** Of the round; undefined before one has begun. */
let count;

/** Called around every durable write. */
function around(label, work) {
  const position = count;
  if (position === undefined) return work();
  count++;
  note(`write ${position} ${label}`);
  if (position === at && when === 'before') die(`killed before ${label}`);
  const after = () => {
    if (position === at && when === 'after') die(`killed after ${label}`);
  };
  const result = work();
  if (result instanceof Promise) return result.finally(after);
  after();
  return result;
}

if (at !== undefined || wanted.has('list')) {
  const { rename } = fs;
  fs.rename = (from, to) => around(`file ${basename(to).replace(/^.*\./, '*.')}`, () => rename(from, to));
  syncBuiltinESMExports();

  /** Of the transaction that is open. */
  let open;
  const { prepare } = Libsql.prototype;
  Libsql.prototype.prepare = function (text) {
    const statement = prepare.call(this, text);
    const change = /^(insert into|update|delete from) "(\w+)"/.exec(text);
    if (text.startsWith('begin')) open = [];
    else if (text === 'rollback') open = undefined;
    else if (change && open) open.push(`${change[1]} ${change[2]}`);
    const isBegin = text === 'commit' && open?.includes('delete from journal');
    // Where sites are and who is logged in belongs to no round.
    const isCommit = text === 'commit' && open?.some((each) => !/ (sites|sessions)$/.test(each));
    const isAlone = change && !open && !/^(sites|sessions)$/.test(change[2]);
    if (text === 'commit') {
      if (isBegin && count !== undefined && at !== undefined) die('exhausted');
      if (isBegin) count = 0;
    }
    const label = isAlone ? `${change[1]} ${change[2]}` : (open ?? []).join(', ');
    if (text === 'commit') open = undefined;
    if (!isCommit && !isAlone) return statement;
    for (const name of ['run', 'all']) {
      const original = statement[name].bind(statement);
      statement[name] = (...values) => around(label, () => original(...values));
    }
    return statement;
  };
}

const [emitted, nth] = [wanted.get('emit'), number('nth')];
if (emitted) {
  const { emit } = Socket.prototype;
  let times = 0;
  Socket.prototype.emit = function (event, ...values) {
    const result = emit.call(this, event, ...values);
    if (event === emitted && ++times === nth) die(`killed after sending ${event}`);
    return result;
  };
}

const [stretch, to] = [number('stretch'), number('to')];
if (stretch !== undefined) {
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (action, ms, ...values) => setTimeout(action, ms === stretch ? to : ms, ...values);
}

const [heard, of] = [wanted.get('hear'), wanted.get('of')];
if (heard) {
  const { onevent } = Socket.prototype;
  Socket.prototype.onevent = function (packet) {
    const [event, header] = packet.data;
    if (event === heard && JSON.parse(header).of === of) die(`killed at ${event} of ${of}`);
    return onevent.call(this, packet);
  };
}
