#pragma once

#include <filesystem>

namespace tenure::storage {

/// Whether a failed write to `file` had no room: the file system is nearly full, or the file is at
/// the size limit of this process. SQLite and LMDB report such writes as plain I/O errors when the
/// write was cut short.
bool has_no_room(const std::filesystem::path& file);

}  // namespace tenure::storage
