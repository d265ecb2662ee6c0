/** The program with a planted bug: an error that nobody catches, thrown when the test sends a message. */
import { main } from '../../../simulations/cli/main.ts';

process.once('message', () => {
  process.disconnect();
  throw new Error('planted bug');
});
await main(process.argv.slice(2));
