#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/objects/object_store.h"
#include "storage/objects/s3_client.h"

namespace tenure::storage {

/// One page of a listing. Keys are those of the bucket.
struct S3Page {
  std::vector<ObjectInfo> objects;  ///< with their versions
  std::vector<std::string> folders;
  std::string next;  ///< where the next page begins; "" after the last
};

/// Operations of S3 on a bucket, each one request, with keys of the bucket. Thread-safe.
class S3Bucket {
 public:
  explicit S3Bucket(std::unique_ptr<S3Client> client) : client_(std::move(client)) {}

  S3Client& client() { return *client_; }
  const S3Client& client() const { return *client_; }

  core::Result<> put(std::string_view key, std::string_view bytes);
  core::Result<ObjectInfo> head(std::string_view key);  ///< kNotFound

  struct Block {
    ObjectInfo info;  ///< of the whole object
    std::string bytes;
  };
  /// At most `length` (> 0) bytes from `offset` on; none from the end on. With a `version`:
  /// kCorruption when the object has another one by now. Errors: kNotFound.
  core::Result<Block> get(std::string_view key, std::uint64_t offset, std::uint64_t length,
                          std::string_view version);

  /// `delimiter`: "/" for one level, "" for all below. `token`: next of the page before.
  core::Result<S3Page> list(std::string_view prefix, std::string_view delimiter,
                            std::string_view token);

  core::Result<> remove(std::string_view key);  ///< unknown keys are fine
  /// At most 1,000 keys.
  core::Result<> remove_many(const std::vector<std::string>& keys);

  core::Result<std::string> begin_upload(std::string_view key);  ///< the id of the upload
  /// Gives the part's ETag. Parts are numbered from 1.
  core::Result<std::string> put_part(std::string_view key, std::string_view upload_id, int number,
                                     std::string_view bytes);
  core::Result<> complete_upload(std::string_view key, std::string_view upload_id,
                                 const std::vector<std::string>& etags, std::uint64_t size);
  core::Result<> abort_upload(std::string_view key, std::string_view upload_id);

 private:
  /// An answer of success, or the error.
  core::Result<S3Answer> must(const S3Call& call);

  std::unique_ptr<S3Client> client_;
};

}  // namespace tenure::storage
