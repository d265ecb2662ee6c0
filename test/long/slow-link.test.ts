/** At the true speed: three minutes and a quarter. */
import { slowLinkCases } from '../contracts/slow-cases.ts';

slowLinkCases(1, 600_000);
