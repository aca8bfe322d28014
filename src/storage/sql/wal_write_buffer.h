#pragma once

namespace tenure::storage {

/// The name of an SQLite VFS that is the system's own save for one thing: what is written to a
/// write-ahead log is kept until the log is synced, and then written in large pieces. SQLite writes
/// each page of a transaction by two calls to the system, which cost more than the pages.
///
/// Only for connections with synchronous=FULL or EXTRA: those sync the log before they tell others
/// that a transaction is in it, so nobody looks for what is not yet in the file. An error of a late
/// write is that of the call which needed it, mostly the sync of a commit, which then fails as a
/// whole. Registered when first asked for. Threads: any; a file is its connection's.
/// nullptr when SQLite has no memory for it: its own is used then.
const char* wal_buffering_vfs();

}  // namespace tenure::storage
