#include "storage/objects/s3_object_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "core/descriptor.h"
#include "core/file.h"
#include "core/id.h"
#include "core/sha256.h"
#include "storage/objects/object_key.h"
#include "storage/objects/s3_bucket.h"
#include "storage/objects/s3_object_stream.h"

namespace tenure::storage {
namespace {

namespace fs = std::filesystem;

/// Keys of one request of removal; S3's own limit.
constexpr std::size_t kRemovedAtOnce = 1000;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr int kPresignedSecondsMax = 7 * 24 * 3600;

core::Error not_found(std::string_view key) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("no object with key '{}'", key)};
}

class S3ObjectStore final : public ObjectStore {
 public:
  explicit S3ObjectStore(std::unique_ptr<S3Client> client)
      : bucket_(std::make_shared<S3Bucket>(std::move(client))) {
    const S3Options& options = bucket_->client().options();
    if (!options.prefix.empty()) prefix_ = options.prefix + "/";
  }

  core::Result<> put(std::string_view key, std::string_view bytes) override {
    if (bytes.size() <= bucket_->client().options().part_bytes) {
      if (auto checked = check_full(key); !checked) return checked;
      return bucket_->put(full(key), bytes);
    }
    auto writer = create(key);
    if (!writer) return std::move(writer).error();
    if (auto written = (*writer)->write(bytes); !written) return written;
    return (*writer)->commit();
  }

  core::Result<std::string> get(std::string_view key) override {
    auto reader = open(key, 0, std::numeric_limits<std::uint64_t>::max());
    if (!reader) return std::move(reader).error();
    std::string bytes((*reader)->info().size, '\0');
    for (std::size_t filled = 0; filled < bytes.size();) {
      auto n = (*reader)->read(std::span(bytes).subspan(filled));
      // Replaced meanwhile: the new bytes are as good, but whole.
      if (!n && n.error().code == core::ErrorCode::kCorruption) return get_again(key);
      if (!n) return std::move(n).error();
      filled += *n;
    }
    return bytes;
  }

  core::Result<std::unique_ptr<ObjectReader>> open(std::string_view key, std::uint64_t offset,
                                                   std::uint64_t length) override {
    if (auto checked = check_object_key(key); !checked) return std::move(checked).error();
    auto reader = open_s3_reader(bucket_, std::string(key), full(key), offset, length);
    if (!reader && reader.error().code == core::ErrorCode::kNotFound) return not_found(key);
    return reader;
  }

  core::Result<std::unique_ptr<ObjectWriter>> create(std::string_view key) override {
    if (auto checked = check_full(key); !checked) return std::move(checked).error();
    return make_s3_writer(bucket_, full(key));
  }

  core::Result<ObjectInfo> stat(std::string_view key) override {
    if (auto checked = check_object_key(key); !checked) return std::move(checked).error();
    auto info = bucket_->head(full(key));
    if (!info && info.error().code == core::ErrorCode::kNotFound) return not_found(key);
    if (info) info->key = key;
    return info;
  }

  core::Result<std::vector<ObjectInfo>> list(std::string_view prefix) override {
    auto found = list_with_versions(prefix);
    if (!found) return found;
    for (ObjectInfo& object : *found) object.version.clear();
    return found;
  }

  core::Result<std::vector<ObjectEntry>> list_folder(std::string_view folder) override {
    if (!folder.empty()) {
      if (auto checked = check_object_key(folder); !checked) return std::move(checked).error();
    }
    std::string prefix = full(folder);
    if (!folder.empty()) prefix += '/';
    std::vector<ObjectEntry> found;
    auto listed = for_each_page(prefix, "/", [&](S3Page& page) -> core::Result<> {
      for (const ObjectInfo& object : page.objects) {
        std::string name = object.key.substr(prefix.size());
        if (check_object_key(name))
          found.push_back({std::move(name), false, object.size, object.modified});
      }
      for (std::string& below : page.folders) {
        below.pop_back();
        std::string name = below.substr(prefix.size());
        if (check_object_key(name)) found.push_back({.name = std::move(name), .is_folder = true});
      }
      return {};
    });
    if (!listed) return std::move(listed).error();
    std::sort(found.begin(), found.end(),
              [](const ObjectEntry& a, const ObjectEntry& b) { return a.name < b.name; });
    return found;
  }

  core::Result<> remove(std::string_view key) override {
    if (auto checked = check_object_key(key); !checked) return checked;
    return bucket_->remove(full(key));
  }

  core::Result<> remove_tree(std::string_view key) override {
    if (auto checked = check_object_key(key); !checked) return checked;
    if (auto removed = bucket_->remove(full(key)); !removed) return removed;
    std::vector<std::string> doomed;
    const auto flush = [&]() -> core::Result<> {
      if (doomed.empty()) return {};
      auto removed = bucket_->remove_many(doomed);
      doomed.clear();
      return removed;
    };
    auto listed = for_each_page(full(key) + "/", "", [&](S3Page& page) -> core::Result<> {
      for (ObjectInfo& object : page.objects) {
        doomed.push_back(std::move(object.key));
        if (doomed.size() < kRemovedAtOnce) continue;
        if (auto removed = flush(); !removed) return removed;
      }
      return {};
    });
    if (!listed) return listed;
    return flush();
  }

  core::Result<fs::path> local_copy(std::string_view key, const fs::path& cache) override {
    if (auto checked = check_object_key(key); !checked) return std::move(checked).error();
    std::vector<ObjectInfo> objects;
    auto one = stat(key);
    const bool is_object = one.has_value();
    if (is_object) {
      objects.push_back(*std::move(one));
    } else {
      if (one.error().code != core::ErrorCode::kNotFound) return std::move(one).error();
      auto below = list_with_versions(std::string(key) + "/");
      if (!below) return std::move(below).error();
      objects = *std::move(below);
    }
    if (objects.empty()) return not_found(key);
    return fetched(key, objects, cache, is_object);
  }

  std::string uri(std::string_view key) const override {
    std::string text = fmt::format("s3://{}", bucket_->client().options().bucket);
    const std::string& prefix = bucket_->client().options().prefix;
    if (!prefix.empty()) text += "/" + prefix;
    if (!key.empty()) text.append("/").append(key);
    return text;
  }

  core::Result<std::string> presigned_url(Access access, std::string_view key,
                                          int seconds) override {
    if (auto checked = check_full(key); !checked) return std::move(checked).error();
    if (seconds < 1 || seconds > kPresignedSecondsMax) {
      return core::Error{core::ErrorCode::kInvalidArgument,
                         fmt::format("a presigned URL is good for 1 to {} seconds, not {}",
                                     kPresignedSecondsMax, seconds)};
    }
    return bucket_->client().presigned_url(access == Access::kRead ? "GET" : "PUT", full(key),
                                           seconds);
  }

 private:
  std::string full(std::string_view key) const { return prefix_ + std::string(key); }

  /// Keys that are written must fit the bucket, too.
  core::Result<> check_full(std::string_view key) const {
    if (auto checked = check_object_key(key); !checked) return checked;
    return check_object_key(full(key));
  }

  core::Result<std::string> get_again(std::string_view key) {
    constexpr int kAttempts = 5;
    core::Result<std::string> bytes = not_found(key);
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      auto reader = open(key, 0, std::numeric_limits<std::uint64_t>::max());
      if (!reader) return std::move(reader).error();
      bytes = std::string();
      std::string piece(kPieceBytes, '\0');
      while (bytes) {
        auto n = (*reader)->read(piece);
        if (!n) {
          bytes = std::move(n).error();
        } else if (*n == 0) {
          return bytes;
        } else {
          bytes->append(piece, 0, *n);
        }
      }
      if (bytes.error().code != core::ErrorCode::kCorruption) return bytes;
    }
    return bytes;
  }

  template <typename Visit>
  core::Result<> for_each_page(std::string_view prefix, std::string_view delimiter,
                               const Visit& visit) {
    std::string token;
    do {
      auto page = bucket_->list(prefix, delimiter, token);
      if (!page) return std::move(page).error();
      token = page->next;
      // A server that ignores the prefix must not make us read, or remove, other keys.
      std::erase_if(page->objects,
                    [&](const ObjectInfo& object) { return !object.key.starts_with(prefix); });
      std::erase_if(page->folders, [&](const std::string& folder) {
        return !folder.starts_with(prefix) || !folder.ends_with('/');
      });
      if (auto seen = visit(*page); !seen) return seen;
    } while (!token.empty());
    return {};
  }

  core::Result<std::vector<ObjectInfo>> list_with_versions(std::string_view prefix) {
    if (auto checked = check_object_prefix(prefix); !checked) return std::move(checked).error();
    std::vector<ObjectInfo> found;
    auto listed = for_each_page(full(prefix), "", [&](S3Page& page) -> core::Result<> {
      for (ObjectInfo& object : page.objects) {
        object.key.erase(0, prefix_.size());
        // Marks of folders, and what others stored under names that are none here.
        if (check_object_key(object.key)) found.push_back(std::move(object));
      }
      return {};
    });
    if (!listed) return std::move(listed).error();
    std::sort(found.begin(), found.end(),
              [](const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; });
    return found;
  }

  /// Copies of other versions lie in other folders: nobody's files change under them.
  core::Result<fs::path> fetched(std::string_view key, const std::vector<ObjectInfo>& objects,
                                 const fs::path& cache, bool is_object) {
    core::Sha256 digest;
    digest.update(bucket_->client().options().endpoint + "\n" + uri(key) + "\n");
    for (const ObjectInfo& object : objects)
      digest.update(fmt::format("{}\n{}\n{}\n", object.key, object.size, object.version));
    const fs::path folder = cache / digest.hex().substr(0, 32);
    const fs::path name = std::string(key.substr(key.rfind('/') + 1));
    std::error_code status;
    if (fs::exists(folder, status)) return folder / name;
    const fs::path unfinished = core::unfinished_path(folder);
    auto copied = copy_to(unfinished, key, objects, name, is_object);
    if (copied) {
      fs::rename(unfinished, folder, status);
      // Somebody else may have been faster with the same bytes.
      if (status && !fs::exists(folder))
        copied = core::system_error(status.value(), "cannot make", folder);
    }
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    if (!copied) return std::move(copied).error();
    return folder / name;
  }

  core::Result<> copy_to(const fs::path& folder, std::string_view key,
                         const std::vector<ObjectInfo>& objects, const fs::path& name,
                         bool is_object) {
    std::string piece(kPieceBytes, '\0');
    for (const ObjectInfo& object : objects) {
      fs::path path = folder / name;
      if (!is_object) path /= object.key.substr(key.size() + 1);
      if (auto made = core::make_directories(path.parent_path()); !made) return made;
      auto reader = open(object.key, 0, std::numeric_limits<std::uint64_t>::max());
      if (!reader) return std::move(reader).error();
      const core::Descriptor file(
          ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!file.is_open()) return core::system_error(errno, "cannot make", path);
      for (;;) {
        auto n = (*reader)->read(piece);
        if (!n) return std::move(n).error();
        if (*n == 0) break;
        if (!core::write_all(file.get(), std::string_view(piece.data(), *n)))
          return core::system_error(errno, "cannot write", path);
      }
    }
    return {};
  }

  std::shared_ptr<S3Bucket> bucket_;
  std::string prefix_;  ///< with its '/', or empty
};

}  // namespace

core::Result<std::unique_ptr<ObjectStore>> open_s3_object_store(S3Options options) {
  auto client = S3Client::open(std::move(options), std::make_shared<core::SystemClock>());
  if (!client) return std::move(client).error();
  return std::unique_ptr<ObjectStore>(std::make_unique<S3ObjectStore>(*std::move(client)));
}

}  // namespace tenure::storage
