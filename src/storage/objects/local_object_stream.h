#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/result.h"
#include "storage/objects/local_root.h"
#include "storage/objects/object_store.h"

struct stat;

namespace tenure::storage {

/// What is known of a file, under its key; without its version.
ObjectInfo describe_local_object(std::string key, const struct ::stat& info);
/// ObjectInfo::version of a file.
std::string version_of_local_object(const struct ::stat& info);

/// Reads the file at `path`; keeps reading its bytes when the name is given to others meanwhile.
/// Errors: kNotFound for what is no file.
core::Result<std::unique_ptr<ObjectReader>> open_local_reader(std::string key,
                                                              const std::filesystem::path& path,
                                                              std::uint64_t offset,
                                                              std::uint64_t length);

/// Writes an unfinished file of `root`, which gets the name of `key` at commit. `key` is checked.
core::Result<std::unique_ptr<ObjectWriter>> open_local_writer(LocalRoot root, std::string key);

}  // namespace tenure::storage
