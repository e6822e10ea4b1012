import { grantKillers } from './killers-of-grants.js';
import { describeHunts } from './testing/hunts.js';

describeHunts(grantKillers);
