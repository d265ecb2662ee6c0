/** Entry of `npm run simulate`. */
import { simulateCommand } from './simulate-command.ts';

await simulateCommand().parseAsync();
