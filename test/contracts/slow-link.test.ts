/** Sixteen times as fast as in a hospital, with sixteenths of its deadlines; at the true speed it is `test/long`'s. */
import { slowLinkCases } from './slow-cases.ts';

slowLinkCases(16, 60_000);
