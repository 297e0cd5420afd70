// A command as a page gives it: on its way, and what became of it.

import { command, outcomeOf } from './api.js';
import { useConsole } from './context.js';
import { useState } from './html.js';

/**
 * { give, told, tone, isBusy, tell }. `give(method, path, body, { headers, done })` gives the outcome once it is known, or null
 * if it was not known in time or could not be given; `told` says it in words, `done` being those for one that was done.
 */
export function useCommand() {
  const { words } = useConsole();
  const [state, setState] = useState({ told: '', tone: '', isBusy: false });
  const tell = (told, tone = '', isBusy = false) => setState({ told, tone, isBusy });

  async function give(method, path, body, { headers = {}, done = words.done } = {}) {
    tell(words.plan.sent, '', true);
    try {
      const outcome = await outcomeOf(await command(method, path, body, headers));
      if (!outcome) tell(words.plan.unknown);
      else if (outcome.state === 'done') tell(done, 'good');
      else tell(words.refused(words.refusal(outcome.reason)), 'bad');
      return outcome;
    } catch (error) {
      tell(error.path ? `${error.path}: ${error.message}` : words.problems.other(error.message), 'bad');
      return null;
    }
  }

  return { ...state, give, tell };
}

export function isDone(outcome) {
  return Boolean(outcome && outcome.state === 'done');
}
