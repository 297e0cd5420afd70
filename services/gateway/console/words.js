// The words of the console in the language that was chosen. Both files have the same names.

import { en } from './words/en.js';
import { zh } from './words/zh.js';

export const LANGUAGES = { en, zh };

export function wordsFor(language) {
  return LANGUAGES[language] || en;
}
