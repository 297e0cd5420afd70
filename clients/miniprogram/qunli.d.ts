export interface JoinData {
  channel?: 'qr' | 'mini_program' | 'till' | 'referral';
  invited_by?: string;
  district?: string;
  interests?: string[];
}

export interface MessageData {
  kind: 'text' | 'image' | 'video' | 'voice' | 'link';
  group_id?: string;
  /** Waits in the device's storage until it is sent; Qunli keeps its length and topics only. */
  text?: string;
  topics?: string[];
  reply_to?: string;
  mentions?: string[];
}

export interface CheckInData {
  method: 'qr' | 'location' | 'till';
  latitude?: number;
  longitude?: number;
}

export interface LeaveData {
  reason?: string;
}

export interface DataOf {
  join: JoinData;
  message: MessageData;
  check_in: CheckInData;
  leave: LeaveData;
}

export interface Event<Type extends keyof DataOf = keyof DataOf> {
  id: string;
  type: Type;
  store_id: string;
  member_id: string;
  /** RFC 3339 with the device's offset. */
  occurred_at: string;
  data: DataOf[Type];
}

/** Why an event is given up: `code` and `path` are the door's, or `unserializable` where data is no JSON. */
export interface Rejection {
  result: 'rejected';
  id?: string;
  code: string;
  path?: string;
  detail?: string;
}

/** The door refuses this caller: 401 (token), 404 (scope), or another status of a wrong address. */
export interface Problem {
  status: number;
  code?: string;
  detail?: string;
}

/** A token, or a token and the seconds for which it is valid: then it is replaced before it ends. */
export type Token = string | { token: string; expiresIn?: number };

/** What a browser's localStorage has. */
export interface WebStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What is used of a mini-program's `wx`. */
export interface MiniProgram {
  request(options: any): any;
  getStorageInfoSync(): { keys: string[] };
  getStorageSync(key: string): any;
  setStorageSync(key: string, value: any): void;
  removeStorageSync(key: string): void;
}

export interface Timers {
  /** Milliseconds since 1970. */
  now(): number;
  set(action: () => void, ms: number): any;
  clear(timer: any): void;
}

export interface Options {
  /** Where ingest is, without /v1/events. */
  url: string;
  storeId: string;
  memberId: string;
  /** Asked when there is no token yet, when it is about to end, and after a 401. */
  getToken(): Token | Promise<Token>;
  /** The door will never take this event. */
  onRejected?(event: Event, why: Rejection): void;
  /** So many of the oldest events had to go: the queue is full, or storage has spoilt them. */
  onDropped?(count: number): void;
  /** The door refuses this caller; the events wait, and it is tried again ever more rarely. */
  onProblem?(problem: Problem): void;
  /** The platform's object; by default the global `wx` where there is one. */
  wx?: MiniProgram;
  /** Default: the global one. */
  fetch?: (url: string, init: any) => Promise<any>;
  /** Where the queue is kept beside fetch. Default: localStorage. */
  storage?: WebStorage;
  /** Events in one request. Default 100, at most 1,000. */
  batch?: number;
  /** Events that may wait; the oldest go first. Default 1,000. */
  limit?: number;
  /** Milliseconds that an event may wait for others to go with it. Default 2,000. */
  interval?: number;
  /** Milliseconds for an answer. Default 30,000. */
  timeout?: number;
  random?(): number;
  timers?: Timers;
}

export interface Stats {
  waiting: number;
  /** Since this client was made. */
  dropped: number;
  /** Those waiting in memory only, because storage does not take them. */
  unstored: number;
}

export interface Client {
  /** Keep an event and send it soon. Its id; null where data cannot be written as JSON. Never throws. */
  track<Type extends keyof DataOf>(type: Type, data?: DataOf[Type]): string | null;
  join(data?: JoinData): string | null;
  leave(data?: LeaveData): string | null;
  message(data: MessageData): string | null;
  checkIn(data: CheckInData): string | null;
  /** Send now. Whether nothing is left; never rejects. */
  flush(): Promise<boolean>;
  /** For App.onHide, or a page's visibilitychange: sends what waits. */
  onHide(): Promise<boolean>;
  /** For App.onShow: goes on at once, whatever pause was under way. */
  onShow(): Promise<boolean>;
  /** Send no more until onShow, as when the member signs out; what waits stays in storage for this member. */
  stop(): void;
  stats(): Stats;
}

export function createClient(options: Options): Client;
