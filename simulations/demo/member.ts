/** A process of the demo: the program with the arguments it was given. It ends when the demo does, however that ends. */
import { main } from '../cli/main.ts';

process.on('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
});
// The channel to the demo must not keep a process going that has ended its work.
process.channel?.unref();
await main(process.argv.slice(2));
if (process.connected) process.disconnect();
