export * from '../abi/rules.js';
