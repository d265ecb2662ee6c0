/**
 * Gives the memory of arrays back at once. A garbage collector counts large arrays as pressure and marks the whole heap
 * for them, again and again, while the allocator meets new pages all the time.
 */

/** Named by what makes it: in Node the type has no global name of its own. */
type Port = InstanceType<typeof MessageChannel>['port1'];

/** What is transferred to a closed port belongs to nobody any more (HTML Standard, 9.4.4, message port post message steps). */
function closedPort(): Port {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

let port: Port | undefined;

/** The buffers must all be different; afterwards they, and the arrays that view them, are empty. */
export function freeBuffers(buffers: readonly ArrayBuffer[]): void {
  if (buffers.length === 0) return;
  port ??= closedPort();
  port.postMessage(undefined, [...buffers]);
}
