// The tiers, most active first. Pure.

export const TIERS = ['thrice_daily', 'daily', 'weekly', 'monthly', 'dormant', 'lost'];

/** 1: a change to a more active tier, -1: to a less active one, 0: a beginning or an end. */
export function direction(from, to) {
  if (!from || !to) return 0;
  return Math.sign(TIERS.indexOf(from) - TIERS.indexOf(to));
}
