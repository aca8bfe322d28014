#include "storage/objects/s3_object_stream.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace tenure::storage {
namespace {

/// The first request of a reader also serves those who want to know the object only.
constexpr std::uint64_t kFirstBlock = std::uint64_t{256} << 10;

constexpr int kPartsMax = 10'000;
/// So many parts have one size, which some stores ask for. Then sizes double with each thousand,
/// so that objects of up to a terabyte have no more than kPartsMax.
constexpr int kEqualParts = 4000;

class S3ObjectReader final : public ObjectReader {
 public:
  S3ObjectReader(std::shared_ptr<S3Bucket> bucket, std::string key, ObjectInfo info,
                 std::string block, std::uint64_t offset, std::uint64_t end)
      : bucket_(std::move(bucket)),
        key_(std::move(key)),
        info_(std::move(info)),
        block_(std::move(block)),
        next_(offset + block_.size()),
        end_(end) {}

  const ObjectInfo& info() const override { return info_; }

  core::Result<std::size_t> read(std::span<char> out) override {
    if (taken_ == block_.size()) {
      if (auto filled = fill(); !filled) return std::move(filled).error();
    }
    const std::size_t count = std::min(out.size(), block_.size() - taken_);
    std::memcpy(out.data(), block_.data() + taken_, count);
    taken_ += count;
    return count;
  }

 private:
  core::Result<> fill() {
    block_.clear();
    taken_ = 0;
    if (next_ >= end_) return {};
    const std::uint64_t length =
        std::min<std::uint64_t>(end_ - next_, bucket_->client().options().block_bytes);
    auto block = bucket_->get(key_, next_, length, info_.version);
    if (!block) return std::move(block).error();
    if (block->info.size != info_.size || block->bytes.empty()) {
      return core::Error{core::ErrorCode::kCorruption,
                         fmt::format("object '{}' ended at byte {} of {} while it was read",
                                     info_.key, next_, info_.size)};
    }
    next_ += block->bytes.size();
    block_ = std::move(block->bytes);
    return {};
  }

  std::shared_ptr<S3Bucket> bucket_;
  std::string key_;
  ObjectInfo info_;
  std::string block_;
  std::size_t taken_ = 0;
  std::uint64_t next_;  ///< first byte after the block
  std::uint64_t end_;
};

class S3ObjectWriter final : public ObjectWriter {
 public:
  S3ObjectWriter(std::shared_ptr<S3Bucket> bucket, std::string key)
      : bucket_(std::move(bucket)), key_(std::move(key)) {}

  ~S3ObjectWriter() override {
    // Should this fail, the bucket's own rules for unfinished uploads remain.
    if (!upload_id_.empty() && !is_committed_)
      static_cast<void>(bucket_->abort_upload(key_, upload_id_));
  }
  S3ObjectWriter(const S3ObjectWriter&) = delete;
  S3ObjectWriter& operator=(const S3ObjectWriter&) = delete;

  core::Result<> write(std::string_view bytes) override {
    if (failed_) return *failed_;
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), part_size() - part_.size());
      part_ += bytes.substr(0, count);
      bytes.remove_prefix(count);
      // The last part is kept, so that what just fits is put at once.
      if (!bytes.empty() && part_.size() == part_size()) {
        if (auto sent = send_part(); !sent) return sent;
      }
    }
    return {};
  }

  core::Result<> commit() override {
    if (failed_) return *failed_;
    if (is_committed_) {
      return core::Error{core::ErrorCode::kInternal,
                         fmt::format("object '{}' was committed already", key_)};
    }
    auto done = upload_id_.empty() ? bucket_->put(key_, part_) : complete();
    if (!done) failed_ = done.error();
    is_committed_ = done.has_value();
    return done;
  }

 private:
  std::size_t part_size() const {
    const int behind = static_cast<int>(etags_.size()) - kEqualParts;
    const std::size_t size = bucket_->client().options().part_bytes;
    return behind < 0 ? size : size << (behind / 1000 + 1);
  }

  core::Result<> send_part() {
    if (etags_.size() == kPartsMax) {
      failed_ = core::Error{core::ErrorCode::kResourceExhausted,
                            fmt::format("object '{}' is too large for a bucket", key_)};
      return *failed_;
    }
    if (upload_id_.empty()) {
      auto id = bucket_->begin_upload(key_);
      if (!id) {
        failed_ = std::move(id).error();
        return *failed_;
      }
      upload_id_ = *std::move(id);
    }
    auto etag = bucket_->put_part(key_, upload_id_, static_cast<int>(etags_.size()) + 1, part_);
    if (!etag) {
      failed_ = std::move(etag).error();
      return *failed_;
    }
    etags_.push_back(*std::move(etag));
    size_ += part_.size();
    part_.clear();
    return {};
  }

  core::Result<> complete() {
    if (!part_.empty()) {
      if (auto sent = send_part(); !sent) return sent;
    }
    return bucket_->complete_upload(key_, upload_id_, etags_, size_);
  }

  std::shared_ptr<S3Bucket> bucket_;
  std::string key_;
  std::string part_;
  std::string upload_id_;  ///< "" while one part was enough
  std::vector<std::string> etags_;
  std::uint64_t size_ = 0;  ///< of the parts that were sent
  std::optional<core::Error> failed_;
  bool is_committed_ = false;
};

}  // namespace

core::Result<std::unique_ptr<ObjectReader>> open_s3_reader(std::shared_ptr<S3Bucket> bucket,
                                                           std::string shown_key, std::string key,
                                                           std::uint64_t offset,
                                                           std::uint64_t length) {
  S3Bucket::Block block;
  if (length == 0) {
    auto info = bucket->head(key);
    if (!info) return std::move(info).error();
    block.info = *std::move(info);
  } else {
    auto got = bucket->get(key, offset, std::min(length, kFirstBlock), {});
    if (!got) return std::move(got).error();
    block = *std::move(got);
  }
  block.info.key = std::move(shown_key);
  const std::uint64_t size = block.info.size;
  const std::uint64_t end = offset >= size ? offset : offset + std::min(length, size - offset);
  return std::unique_ptr<ObjectReader>(
      std::make_unique<S3ObjectReader>(std::move(bucket), std::move(key), std::move(block.info),
                                       std::move(block.bytes), offset, end));
}

std::unique_ptr<ObjectWriter> make_s3_writer(std::shared_ptr<S3Bucket> bucket, std::string key) {
  return std::make_unique<S3ObjectWriter>(std::move(bucket), std::move(key));
}

}  // namespace tenure::storage
