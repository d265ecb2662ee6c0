import { describeKilled } from './killed-cases.ts';

// Prime to three: each write is met at one of its moments or another. All of them are in `test/long`.
describeKilled({
  boxes: 7,
  'secure aggregation': 17,
  'class counts first, under secure aggregation': 43,
  SCAFFOLD: 13,
});
