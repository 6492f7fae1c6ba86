import { endChildrenOnSignal } from './child-process.mjs';
import { arePackagesCurrent, installPackages } from './packages.mjs';
import { fetchPinnedNode, isProjectNodeThere } from './pinned-node.mjs';
import { buildPlayer, isPlayerCurrent } from './player-build.mjs';
import { withSetupLock } from './setup-lock.mjs';

/**
 * Makes sure that the packages are installed as the lock file says, that a Node to run the project is there and, if
 * asked, that the player is built from its sources as they are. When nothing is to be done it only reads some files.
 *
 * @param {{ player: boolean }} needs
 */
export async function setUp(needs) {
  const isReady = () => arePackagesCurrent() && isProjectNodeThere() && (!needs.player || isPlayerCurrent());
  if (isReady()) return;
  const letSignalsBe = endChildrenOnSignal();
  try {
    await withSetupLock(async () => {
      // Looked at again: another start may have done it meanwhile.
      if (!arePackagesCurrent()) await installPackages();
      if (!isProjectNodeThere()) await fetchPinnedNode();
      if (needs.player && !isPlayerCurrent()) await buildPlayer();
    });
  } finally {
    letSignalsBe();
  }
}
