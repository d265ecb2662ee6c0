import { describeKilled } from '../coordinator/run/killed-cases.ts';

describeKilled({
  boxes: 1,
  'secure aggregation': 1,
  'class counts first, under secure aggregation': 1,
  SCAFFOLD: 1,
});
