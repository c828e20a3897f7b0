import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError, createHttp, type Http, type TokenSource } from '@/net/http';

const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });

let answers: (Response | Error)[];
let tokens: TokenSource;
let http: Http;
const calls = () => vi.mocked(fetch).mock.calls;
const header = (n: number) => (calls()[n]?.[1]?.headers as Record<string, string>).Authorization;

beforeEach(() => {
  answers = [];
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => {
      const next = answers.shift();
      if (next instanceof Response) return next;
      throw next ?? new TypeError('network');
    }),
  );
  let current = 'old';
  tokens = {
    token: async () => current,
    renew: vi.fn(async () => {
      current = 'new';
      return true;
    }),
  };
  http = createHttp('', tokens);
});
afterEach(() => vi.unstubAllGlobals());

const failure = async (p: Promise<unknown>) => p.then(() => null, (e: unknown) => e as ApiError);

describe('requests', () => {
  test('carry the token in a header, never in the address', async () => {
    answers = [json(200, { ok: 1 })];
    await http.request('GET', '/rooms', { query: { query: 'a b', after: undefined } });
    expect(calls()[0]?.[0]).toBe('/api/v1/rooms?query=a+b');
    expect(header(0)).toBe('Bearer old');
  });

  test('401: one refresh, one repeat with the new token', async () => {
    answers = [json(401, { title: 'token_expired' }), json(200, { fine: true })];
    expect(await http.request('GET', '/me')).toEqual({ fine: true });
    expect(tokens.renew).toHaveBeenCalledExactlyOnceWith('old');
    expect(header(1)).toBe('Bearer new');
  });

  test('a password that was changed in another tab: one refresh, and no more if it is still asked for', async () => {
    answers = [json(403, { title: 'password_change_required' }), json(200, { fine: true })];
    await expect(http.request('GET', '/rooms')).resolves.toEqual({ fine: true });
    answers = [json(403, { title: 'password_change_required' }), json(403, { title: 'password_change_required' })];
    await expect(http.request('GET', '/rooms')).rejects.toMatchObject({ status: 403, code: 'password_change_required' });
  });

  test('401 twice is the end of it', async () => {
    answers = [json(401, {}), json(401, { title: 'unauthorized', detail: 'Sign in first.' })];
    expect((await failure(http.request('GET', '/me')))?.code).toBe('unauthorized');
    expect(calls()).toHaveLength(2);
  });

  test('a refresh that is refused gives the first error', async () => {
    tokens.renew = async () => false;
    answers = [json(401, { title: 'token_revoked' })];
    expect((await failure(http.request('GET', '/me')))?.code).toBe('token_revoked');
  });
});

describe('errors', () => {
  test('a problem document becomes a sentence, a code and a field', async () => {
    answers = [json(409, { title: 'name_taken', detail: 'This name is taken; choose another.', field: 'name' })];
    const e = await failure(http.open('POST', '/auth/signup', { body: {} }));
    expect(e).toBeInstanceOf(ApiError);
    expect(e).toMatchObject({ status: 409, code: 'name_taken', field: 'name', detail: 'This name is taken; choose another.' });
  });

  test('whatever a proxy answers is a sentence too', async () => {
    answers = [new Response('<html>Bad gateway</html>', { status: 502 })];
    expect((await failure(http.open('GET', '/x')))?.detail).toMatch(/server cannot do that just now/);
    answers = [json(429, {}, { 'Retry-After': '3' })];
    expect((await failure(http.open('GET', '/x')))?.retryMs).toBe(3000);
  });

  test('no network', async () => {
    expect((await failure(http.open('GET', '/x')))?.code).toBe('offline');
  });

  test('204 is an answer', async () => {
    answers = [new Response(null, { status: 204 })];
    expect(await http.open('POST', '/auth/logout')).toEqual({});
  });
});
