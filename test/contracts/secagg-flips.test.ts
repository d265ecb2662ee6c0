import './remembered-modules.ts';
import { secaggFlipSuite } from './secagg-flips.ts';

secaggFlipSuite();
