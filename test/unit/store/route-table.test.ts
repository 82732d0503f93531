import { expect, test } from 'vitest'
import {
  findRoute,
  makeRouteTable,
  type Route,
  routeConflict,
  routePath,
} from '../../../src/store/route-table.ts'

function route(path: string, handler: string, ...methods: string[]): Route<string> {
  return { path, handler, methods: methods.length === 0 ? undefined : new Set(methods) }
}

const TABLE = makeRouteTable([
  route('/', 'site'),
  route('/api', 'api', 'GET', 'POST'),
  route('/api', 'upload', 'PUT'),
  route('/api/v2/items', 'items'),
  route('/caf\xc3\xa9', 'cafe'),
])

const FOUND = [
  { path: '/', handler: 'site', scriptName: '', pathInfo: '/' },
  { path: '/index.html', handler: 'site', scriptName: '', pathInfo: '/index.html' },
  { path: '/apix', handler: 'site', scriptName: '', pathInfo: '/apix' },
  { path: '//api', handler: 'site', scriptName: '', pathInfo: '//api' },
  { path: '/API', handler: 'site', scriptName: '', pathInfo: '/API' },
  { path: '/api', handler: 'api', scriptName: '/api', pathInfo: '' },
  { path: '/api/', handler: 'api', scriptName: '/api', pathInfo: '/' },
  { path: '/api//x', handler: 'api', scriptName: '/api', pathInfo: '//x' },
  { path: '/api/v2/item', handler: 'api', scriptName: '/api', pathInfo: '/v2/item' },
  { path: '/api/v2/items/7', handler: 'items', scriptName: '/api/v2/items', pathInfo: '/7' },
  { path: '/caf\xc3\xa9/x', handler: 'cafe', scriptName: '/caf\xc3\xa9', pathInfo: '/x' },
  {
    path: `/api/${'x'.repeat(9000)}`,
    handler: 'api',
    scriptName: '/api',
    pathInfo: `/${'x'.repeat(9000)}`,
  },
]

test.for(FOUND)('GET $path is for $handler', ({ path, ...wanted }) => {
  expect(findRoute(TABLE, 'GET', path)).toEqual({ kind: 'found', ...wanted })
})

test('the method chooses among handlers of one path; HEAD goes where GET goes', () => {
  expect(findRoute(TABLE, 'PUT', '/api/x')).toMatchObject({ handler: 'upload' })
  expect(findRoute(TABLE, 'HEAD', '/api/x')).toMatchObject({ handler: 'api' })
})

test('a longer route without the method answers for itself: a shorter one does not step in', () => {
  expect(findRoute(TABLE, 'DELETE', '/api/x')).toEqual({
    kind: 'wrong-method',
    allow: ['GET', 'HEAD', 'POST', 'PUT'],
  })
})

test('without a route for the root, what no route covers is nobody’s', () => {
  const table = makeRouteTable([route('/api', 'api')])
  expect(findRoute(table, 'GET', '/')).toEqual({ kind: 'none' })
  expect(findRoute(table, 'GET', '/apis')).toEqual({ kind: 'none' })
  expect(findRoute(makeRouteTable<string>([]), 'GET', '/')).toEqual({ kind: 'none' })
})

test('a path of nothing but slashes takes no time', () => {
  const table = makeRouteTable([route(`/${'a/'.repeat(500)}b`, 'deep'), route('/', 'site')])
  const started = performance.now()
  for (let round = 0; round < 20; round += 1) findRoute(table, 'GET', '/'.repeat(60_000))
  expect(performance.now() - started).toBeLessThan(1000)
})

const CONFLICTS = [
  { name: 'the same path, all methods', routes: [route('/a', '1'), route('/a', '2')], isOne: true },
  {
    name: 'the same path, one method in common',
    routes: [route('/a', '1', 'GET', 'PUT'), route('/a', '2', 'PUT')],
    isOne: true,
  },
  {
    name: 'the same path, all methods and one',
    routes: [route('/a', '1'), route('/a', '2', 'PUT')],
    isOne: true,
  },
  {
    name: 'the same path, other methods',
    routes: [route('/a', '1', 'GET'), route('/a', '2', 'PUT')],
    isOne: false,
  },
  { name: 'one below the other', routes: [route('/a', '1'), route('/a/b', '2')], isOne: false },
]

test.for(CONFLICTS)('$name: conflict $isOne', ({ routes, isOne }) => {
  expect(routeConflict(routes) !== undefined).toBe(isOne)
})

const PATHS = [
  { given: ['/api', '/x y', '/raw'], path: '/api/x y' },
  { given: ['', '/x', '/raw'], path: '/x' },
  { given: ['', '', '/a%20b%2Fc'], path: '/a b/c' },
  { given: ['', '', '/a%zz'], path: '/a%zz' },
  { given: ['', '', '/x/%2e%2E/admin'], path: undefined },
  { given: ['', '', '/x/../admin'], path: undefined },
  { given: ['', '', '/x/..'], path: undefined },
  { given: ['', '', '/./x'], path: undefined },
  { given: ['', '', '/..x/x..'], path: '/..x/x..' },
  { given: ['/x', '/../y', '/raw'], path: undefined },
  { given: ['', '', '/a%00b'], path: undefined },
  { given: ['', '', '*'], path: undefined },
] as const

test.for(PATHS)('route by $given: $path', ({ given: [scriptName, pathInfo, raw], path }) => {
  expect(routePath(scriptName, pathInfo, raw)).toBe(path)
})
