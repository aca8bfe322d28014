#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "storage/objects/object_store.h"
#include "storage/objects/s3_bucket.h"

namespace tenure::storage {

/// Reads an object block by block: one request each, at most S3Options::block_bytes in memory, each
/// for the version that the first one met. `shown_key` is the key in the store, `key` in the
/// bucket.
core::Result<std::unique_ptr<ObjectReader>> open_s3_reader(std::shared_ptr<S3Bucket> bucket,
                                                           std::string shown_key, std::string key,
                                                           std::uint64_t offset,
                                                           std::uint64_t length);

/// Writes an object. What fits into one part is put at commit; more goes up in parts, with one part
/// in memory, and is given up when the writer goes without a commit.
std::unique_ptr<ObjectWriter> make_s3_writer(std::shared_ptr<S3Bucket> bucket, std::string key);

}  // namespace tenure::storage
