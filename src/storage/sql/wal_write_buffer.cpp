#include "storage/sql/wal_write_buffer.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include <sqlite3.h>

namespace tenure::storage {
namespace {

constexpr const char* kName = "tenure-wal-buffer";
// SQLite's VFS for Unix takes 128 KiB for nothing at all and what is longer for its remainder; a
// page has at most 64.
constexpr std::size_t kBufferMax = std::size_t{120} * 1024;

/// A write-ahead log. SQLite gives the memory; the file of the system's VFS lies behind this.
struct LogFile {
  sqlite3_file base;  // first: SQLite sees nothing else
  std::vector<char>* pending;
  sqlite3_int64 begin;  // of what is pending, in the file
};
static_assert(std::is_standard_layout_v<LogFile>);
constexpr std::size_t kAlign = alignof(std::max_align_t);
constexpr std::size_t kRealOffset = (sizeof(LogFile) + kAlign - 1) / kAlign * kAlign;

LogFile& log_of(sqlite3_file* file) {
  return *reinterpret_cast<LogFile*>(file);
}

sqlite3_file* real_of(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kRealOffset);
}

int flush(sqlite3_file* file) {
  LogFile& log = log_of(file);
  if (log.pending->empty()) return SQLITE_OK;
  sqlite3_file* const real = real_of(file);
  const int result = real->pMethods->xWrite(real, log.pending->data(),
                                            static_cast<int>(log.pending->size()), log.begin);
  // After an error, too: SQLite takes the transaction back and writes its next one to this place.
  log.pending->clear();
  return result;
}

/// Calls the system's file after what is pending is in it.
template <class Call>
int after_flush(sqlite3_file* file, const Call& call) {
  if (const int flushed = flush(file); flushed != SQLITE_OK) return flushed;
  sqlite3_file* const real = real_of(file);
  return call(*real->pMethods, real);
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  LogFile& log = log_of(file);
  const auto bytes = static_cast<std::size_t>(size);
  const bool continues = offset == log.begin + static_cast<sqlite3_int64>(log.pending->size());
  if (!continues || log.pending->size() + bytes > kBufferMax) {
    if (const int flushed = flush(file); flushed != SQLITE_OK) return flushed;
    log.begin = offset;
  }
  try {
    if (log.pending->capacity() < kBufferMax) log.pending->reserve(kBufferMax);
    const char* const text = static_cast<const char*>(data);
    log.pending->insert(log.pending->end(), text, text + bytes);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  return after_flush(file, [&](const sqlite3_io_methods& methods, sqlite3_file* real) {
    return methods.xRead(real, data, size, offset);
  });
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return after_flush(file, [&](const sqlite3_io_methods& methods, sqlite3_file* real) {
    return methods.xTruncate(real, size);
  });
}

int sync(sqlite3_file* file, int flags) {
  return after_flush(file, [&](const sqlite3_io_methods& methods, sqlite3_file* real) {
    return methods.xSync(real, flags);
  });
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return after_flush(file, [&](const sqlite3_io_methods& methods, sqlite3_file* real) {
    return methods.xFileSize(real, size);
  });
}

int lock(sqlite3_file* file, int level) {
  sqlite3_file* const real = real_of(file);
  return real->pMethods->xLock(real, level);
}

int unlock(sqlite3_file* file, int level) {
  sqlite3_file* const real = real_of(file);
  return real->pMethods->xUnlock(real, level);
}

int check_reserved_lock(sqlite3_file* file, int* is_locked) {
  sqlite3_file* const real = real_of(file);
  return real->pMethods->xCheckReservedLock(real, is_locked);
}

int file_control(sqlite3_file* file, int operation, void* argument) {
  return after_flush(file, [&](const sqlite3_io_methods& methods, sqlite3_file* real) {
    return methods.xFileControl(real, operation, argument);
  });
}

int sector_size(sqlite3_file* file) {
  sqlite3_file* const real = real_of(file);
  return real->pMethods->xSectorSize(real);
}

int device_characteristics(sqlite3_file* file) {
  sqlite3_file* const real = real_of(file);
  return real->pMethods->xDeviceCharacteristics(real);
}

int close(sqlite3_file* file) {
  LogFile& log = log_of(file);
  const int flushed = flush(file);
  const std::unique_ptr<std::vector<char>> pending(log.pending);
  log.pending = nullptr;
  sqlite3_file* const real = real_of(file);
  const int closed = real->pMethods->xClose(real);
  return flushed != SQLITE_OK ? flushed : closed;
}

// Version 1: memory that is shared or mapped belongs to the database file, not to its log.
constexpr sqlite3_io_methods kLogMethods = {
    .iVersion = 1,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open_log(sqlite3_vfs* system, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_file* const real = real_of(file);
  real->pMethods = nullptr;
  file->pMethods = nullptr;
  std::unique_ptr<std::vector<char>> pending;
  try {
    pending = std::make_unique<std::vector<char>>();
  } catch (const std::bad_alloc&) {
    return SQLITE_NOMEM;
  }
  const int opened = system->xOpen(system, name, real, flags, out_flags);
  if (opened != SQLITE_OK) {
    // SQLite closes only what has methods.
    if (real->pMethods != nullptr) real->pMethods->xClose(real);
    return opened;
  }
  LogFile& log = log_of(file);
  log.begin = 0;
  log.pending = pending.release();
  file->pMethods = &kLogMethods;
  return SQLITE_OK;
}

int open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  if ((flags & SQLITE_OPEN_WAL) != 0) return open_log(system, name, file, flags, out_flags);
  // All others are the system's, in the same memory.
  return system->xOpen(system, name, file, flags, out_flags);
}

/// The VFS, once it is registered; SQLite keeps it for the life of the program.
class Registered {
 public:
  Registered() {
    sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
    if (system == nullptr) return;
    vfs_ = *system;
    vfs_.zName = kName;
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(kRealOffset) + system->szOsFile;
    vfs_.xOpen = open;
    is_registered_ = sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK;
  }
  const char* name() const { return is_registered_ ? kName : nullptr; }

 private:
  sqlite3_vfs vfs_{};
  bool is_registered_ = false;
};

}  // namespace

const char* wal_buffering_vfs() {
  static const Registered registered;
  return registered.name();
}

}  // namespace tenure::storage
