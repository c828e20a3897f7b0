/* Requests to the API: a token with each, one refresh and one repeat on 401, an end within a bound, and errors as
 * RFC 9457 problem documents that say a sentence. */

const REQUEST_MS = 15_000;

export interface Problem {
  status: number;
  /** Name of a row of the error table; `offline` and `timeout` are ours. */
  code: string;
  /** A sentence for people. */
  detail: string;
  retryMs: number;
  /** The field of the form it is about, if it is about one. */
  field: string | null;
  /** The bound that was broken. */
  limit?: number | undefined;
  /** The place in a search that it is about. */
  position?: number | undefined;
}

export class ApiError extends Error implements Problem {
  override name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly retryMs: number;
  readonly field: string | null;
  readonly limit: number | undefined;
  readonly position: number | undefined;
  constructor(problem: Problem) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.retryMs = problem.retryMs;
    this.field = problem.field;
    this.limit = problem.limit;
    this.position = problem.position;
  }
}

/** Where tokens come from. The same object feeds the socket. */
export interface TokenSource {
  token(): Promise<string | null>;
  /** `refused` was not taken by the server: true when there is another one. */
  renew(refused: string): Promise<boolean>;
}

export interface RequestOptions {
  body?: unknown;
  /** In place of a body in JSON: bytes as they are. */
  raw?: Blob;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
}

type Json = Record<string, unknown>;

export interface Http {
  /** With the access token. */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /** The answer as it comes, with no bound on its time; problems are thrown as ever. */
  stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** A body of any length, with how much of it is on its way; no bound on its time. */
  upload<T>(path: string, query: Record<string, string>, body: Blob, progress: (sent: number) => void, signal: AbortSignal): Promise<T>;
  /** Bytes, which the browser may keep as long as the answer says. */
  blob(path: string): Promise<Blob>;
  /** Without one; the refresh cookie goes along. */
  open<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
}

export function createHttp(base: string, tokens: TokenSource): Http {
  async function once<T>(method: string, path: string, o: RequestOptions, token: string | null): Promise<T> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(o.query ?? {})) if (value !== undefined) query.set(name, String(value));
    const suffix = query.size > 0 ? `?${query}` : '';
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    if (o.body !== undefined) headers['Content-Type'] = 'application/json';
    const timeout = AbortSignal.timeout(REQUEST_MS);
    let response: Response;
    try {
      response = await fetch(`${base}/api/v1${path}${suffix}`, {
        method,
        headers,
        body: o.raw ?? (o.body === undefined ? null : JSON.stringify(o.body)),
        credentials: base === '' ? 'same-origin' : 'include',
        cache: 'no-store',
        signal: o.signal ? AbortSignal.any([o.signal, timeout]) : timeout,
      });
    } catch (e) {
      if (o.signal?.aborted) throw e;
      throw timeout.aborted
        ? new ApiError({ status: 0, code: 'timeout', detail: 'The server did not answer in time. Try again.', retryMs: 0, field: null })
        : unreachable();
    }
    const text = await response.text();
    const answer = parse(text);
    if (!response.ok) throw new ApiError(problemOf(response, answer));
    return answer as T;
  }

  async function stream(path: string, signal: AbortSignal, token: string | null): Promise<ReadableStream<Uint8Array>> {
    const response = await fetch(`${base}/api/v1${path}`, {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
      credentials: base === '' ? 'same-origin' : 'include',
      cache: 'no-store',
      signal,
    }).catch((e: unknown) => {
      if (signal.aborted) throw e;
      throw unreachable();
    });
    if (!response.ok || !response.body) throw new ApiError(problemOf(response, parse(await response.text())));
    return response.body;
  }

  /* fetch tells nothing of what is on its way. */
  function upload<T>(path: string, body: Blob, progress: (sent: number) => void, signal: AbortSignal, token: string | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest();
      const abort = () => xhr.abort();
      xhr.open('POST', `${base}/api/v1${path}`);
      if (token !== null) xhr.setRequestHeader('Authorization', `Bearer ${token}`);
      xhr.setRequestHeader('Content-Type', body.type || 'application/octet-stream');
      xhr.withCredentials = base !== '';
      xhr.upload.onprogress = (e) => progress(e.loaded);
      xhr.onload = () => {
        const answer = parse(xhr.responseText);
        if (xhr.status >= 200 && xhr.status < 300) resolve(answer as T);
        else reject(new ApiError(problemOf({ status: xhr.status, headers: { get: (name) => xhr.getResponseHeader(name) } }, answer)));
      };
      xhr.onerror = () => reject(unreachable());
      xhr.onabort = () => reject(new DOMException('', 'AbortError'));
      xhr.onloadend = () => signal.removeEventListener('abort', abort);
      signal.addEventListener('abort', abort);
      if (signal.aborted) reject(new DOMException('', 'AbortError'));
      else xhr.send(body);
    });
  }

  async function blob(path: string, token: string | null): Promise<Blob> {
    const response = await fetch(`${base}/api/v1${path}`, {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
      credentials: base === '' ? 'same-origin' : 'include',
      signal: AbortSignal.timeout(REQUEST_MS),
    }).catch(() => {
      throw unreachable();
    });
    if (!response.ok) throw new ApiError(problemOf(response, parse(await response.text())));
    return response.blob();
  }

  /** With a token; once more with a fresh one if it was refused. */
  async function signed<T>(run: (token: string | null) => Promise<T>): Promise<T> {
    const token = await tokens.token();
    if (token === null) throw signedOut();
    try {
      return await run(token);
    } catch (e) {
      // The password that this token asks for may have been chosen in another tab.
      const isOld = e instanceof ApiError && (e.status === 401 || e.code === 'password_change_required');
      if (!isOld) throw e;
      if (!(await tokens.renew(token))) throw e;
      return run(await tokens.token());
    }
  }

  return {
    upload: <T>(path: string, query: Record<string, string>, body: Blob, progress: (sent: number) => void, signal: AbortSignal) =>
      signed((token) => upload<T>(`${path}?${new URLSearchParams(query)}`, body, progress, signal, token)),
    stream: (path, signal) => signed((token) => stream(path, signal, token)),
    blob: (path) => signed((token) => blob(path, token)),
    open: (method, path, options = {}) => once(method, path, options, null),
    request: <T>(method: string, path: string, options: RequestOptions = {}) =>
      signed((token) => once<T>(method, path, options, token)),
  };
}

function unreachable(): ApiError {
  const detail = 'The server cannot be reached. Check your connection and try again.';
  return new ApiError({ status: 0, code: 'offline', detail, retryMs: 0, field: null });
}

export function signedOut(): ApiError {
  return new ApiError({ status: 401, code: 'unauthorized', detail: 'You are signed out. Log in again.', retryMs: 0, field: null });
}

function parse(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function problemOf(response: { status: number; headers: { get(name: string): string | null } }, answer: unknown): Problem {
  const p = (typeof answer === 'object' && answer !== null ? answer : {}) as Json;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const number = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : undefined);
  return {
    status: response.status,
    code: text(p.title) ?? 'internal',
    detail: text(p.detail) ?? sentenceFor(response.status),
    field: text(p.field) ?? null,
    limit: number(p.limit),
    position: number(p.position),
    retryMs: number(p.retry_ms) ?? Number(response.headers.get('Retry-After') ?? 0) * 1000,
  };
}

function sentenceFor(status: number): string {
  if (status === 413) return 'That is too large for the server, or for a proxy in front of it.';
  if (status === 429) return 'Too many requests. Wait a moment and try again.';
  if (status >= 500) return 'The server cannot do that just now. Try again in a moment.';
  return 'The server did not accept that.';
}
