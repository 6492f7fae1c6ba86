import { describe, expect, it } from 'vitest';
import { allowedMethodsText, isAllowedMethod, isSafeMethod } from '../../src/policy/methods.ts';

describe('methods', () => {
  it('RFC 9110 §9.2.1: safe ones are those that are registered so; unknown ones are not', () => {
    const methods = [
      'GET',
      'HEAD',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'POST',
      'PUT',
      'DELETE',
      'PATCH',
      'LOCK',
      'FOO',
      'get',
    ];
    expect(methods.filter(isSafeMethod)).toEqual(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND']);
  });

  it.each<['read' | 'read-options' | 'all', 'standards' | 'cloudfront', string[]]>([
    ['read', 'standards', ['GET', 'HEAD']],
    ['read-options', 'cloudfront', ['GET', 'HEAD', 'OPTIONS']],
    ['all', 'cloudfront', ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE']],
    ['all', 'standards', ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE', 'PROPFIND', 'FOO']],
  ])('%s by policy %s', (allowed, policy, methods) => {
    const all = [
      'GET',
      'HEAD',
      'OPTIONS',
      'PUT',
      'POST',
      'PATCH',
      'DELETE',
      'PROPFIND',
      'FOO',
      'TRACE',
      'CONNECT',
      'PURGE',
      'BAN',
    ];
    expect(all.filter((method) => isAllowedMethod(method, allowed, policy))).toEqual(methods);
  });

  it('are told in Allow', () => {
    expect(allowedMethodsText('read')).toBe('GET, HEAD, OPTIONS');
    expect(allowedMethodsText('all')).toBe('GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE');
  });
});
