#pragma once

namespace tenure::net {

/// Blocks SIGINT, SIGTERM and SIGPIPE for the whole process (call before threads start), and waits
/// for one of the first two. Returns its number. A second one while the program drains ends it at
/// once.
void block_stop_signals();
int wait_for_stop_signal();

}  // namespace tenure::net
