import { connect } from 'node:net';

/**
 * Takes away what reading into a shared buffer needs of Node, as another version of it might: undocumented, as in the
 * code under test. It is there again when the result is disposed of.
 */
export function withoutSharedReading(): Disposable {
  const socket = connect(1, '127.0.0.1').on('error', () => undefined);
  const owner = ownerOf((socket as { _handle?: object | null })._handle ?? null);
  socket.destroy();
  const method = Object.getOwnPropertyDescriptor(owner, 'useUserBuffer') ?? {};
  Reflect.deleteProperty(owner, 'useUserBuffer');
  return {
    [Symbol.dispose]: () => {
      Object.defineProperty(owner, 'useUserBuffer', method);
    },
  };
}

function ownerOf(handle: object | null): object {
  if (handle === null) throw new Error('this version of Node has no useUserBuffer');
  if (Object.hasOwn(handle, 'useUserBuffer')) return handle;
  return ownerOf(Object.getPrototypeOf(handle) as object | null);
}
