#include "tracking/multipart_upload.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "core/id.h"
#include "core/json.h"
#include "core/page_buffer.h"
#include "storage/objects/object_key.h"

namespace tenure::tracking {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

std::string folder_of(std::string_view id) {
  return fmt::format("{}/{}", MultipartUploads::kUploadsFolder, id);
}
std::string facts_key(std::string_view id) {
  return folder_of(id) + "/upload.json";
}
/// There once the upload is complete: who asks again gets the same answer.
std::string done_key(std::string_view id) {
  return folder_of(id) + "/done";
}
std::string parts_key(std::string_view id) {
  return folder_of(id) + "/parts";
}
std::string part_key(std::string_view id, std::int64_t number) {
  return fmt::format("{}/{}", parts_key(id), number);
}

core::Error unknown_upload(std::string_view id) {
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("No multipart upload with id '{}': it was aborted, was given up "
                                 "after a day without a part, or never began",
                                 id.substr(0, 64))};
}

bool is_id(std::string_view id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

core::Result<> copy(storage::ObjectReader& from, storage::ObjectWriter& to, std::span<char> room) {
  for (;;) {
    auto n = from.read(room);
    if (!n) return std::move(n).error();
    if (*n == 0) return {};
    if (auto written = to.write({room.data(), *n}); !written) return written;
  }
}

}  // namespace

core::Result<std::string> MultipartUploads::begin(std::string_view key, std::int64_t part_count) {
  if (auto checked = storage::check_object_key(key); !checked) return std::move(checked).error();
  if (part_count < 1 || part_count > kPartsMax) {
    return invalid(
        fmt::format("num_parts must be between 1 and {}, got {}", kPartsMax, part_count));
  }
  if (auto removed = remove_stale(); !removed) return std::move(removed).error();
  std::string id = core::random_hex_id();
  const core::JsonObject facts{{"key", std::string(key)}, {"part_count", part_count}};
  if (auto put = store_->put(facts_key(id), core::to_text(facts)); !put)
    return std::move(put).error();
  return id;
}

core::Result<MultipartUploads::Upload> MultipartUploads::find(std::string_view id) {
  if (!is_id(id)) return unknown_upload(id);
  const auto text = store_->get(facts_key(id));
  if (!text && text.error().code == core::ErrorCode::kNotFound) return unknown_upload(id);
  if (!text) return text.error();
  const auto facts = core::parse_json(*text);
  if (!facts) return core::Error{core::ErrorCode::kCorruption, facts.error().message};
  auto key = core::json_text(*facts, "key");
  auto count = core::json_integer(*facts, "part_count");
  if (!key || !count)
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("{} lacks key or part_count", facts_key(id))};
  return Upload{*std::move(key), *count};
}

core::Result<MultipartUploads::Upload> MultipartUploads::find(std::string_view id,
                                                              std::string_view key) {
  auto upload = find(id);
  if (upload && upload->key != key)
    return invalid(fmt::format("The multipart upload '{}' is of another path", id));
  return upload;
}

bool MultipartUploads::is_done(std::string_view id) {
  return store_->stat(done_key(id)).has_value();
}

core::Result<std::unique_ptr<storage::ObjectWriter>> MultipartUploads::open_part(
    std::string_view id, std::int64_t number) {
  auto upload = find(id);
  if (!upload) return std::move(upload).error();
  if (number < 1 || number > upload->part_count) {
    return invalid(fmt::format("The multipart upload has parts 1 to {}, got number {}",
                               upload->part_count, number));
  }
  if (is_done(id)) return invalid(fmt::format("The multipart upload '{}' is complete", id));
  return store_->create(part_key(id, number));
}

core::Result<std::string> MultipartUploads::part_etag(std::string_view id, std::int64_t number) {
  auto part = store_->stat(part_key(id, number));
  if (!part) return std::move(part).error();
  return "\"" + part->version + "\"";
}

core::Result<std::unique_ptr<storage::ObjectReader>> MultipartUploads::open_as_sent(
    std::string_view id, const Part& part) {
  auto reader = store_->open(part_key(id, part.number));
  if (!reader && reader.error().code == core::ErrorCode::kNotFound)
    return invalid(fmt::format("Part {} of the multipart upload is missing", part.number));
  if (!reader) return reader;
  const std::string& version = (*reader)->info().version;
  if (part.etag != version && part.etag != "\"" + version + "\"") {
    return invalid(fmt::format("Part {} of the multipart upload has the ETag \"{}\", not {}",
                               part.number, version, part.etag));
  }
  return reader;
}

core::Result<> MultipartUploads::join(std::string_view id, std::string_view key,
                                      const std::vector<Part>& parts) {
  auto writer = store_->create(key);
  if (!writer) return std::move(writer).error();
  auto sent = store_->list(parts_key(id) + "/");
  if (!sent) return std::move(sent).error();
  std::uint64_t size = 0;
  for (const storage::ObjectInfo& part : *sent) size += part.size;
  if (auto taken = (*writer)->expect(size); !taken) return taken;
  // On whole pages, so that a store may write them as they are (ObjectWriter::expect).
  const core::PageBuffer buffer(kPieceBytes);
  for (const Part& part : parts) {
    auto reader = open_as_sent(id, part);
    if (!reader) return std::move(reader).error();
    if (auto copied = copy(**reader, **writer, {buffer.data(), kPieceBytes}); !copied)
      return copied;
  }
  return (*writer)->commit();
}

core::Result<> MultipartUploads::complete(std::string_view id, std::string_view key,
                                          std::vector<Part> parts) {
  auto upload = find(id, key);
  if (!upload) return std::move(upload).error();
  // A client whose time ran out while the parts were joined asks again.
  if (is_done(id)) return {};
  std::ranges::sort(parts, {}, &Part::number);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].number != static_cast<std::int64_t>(i) + 1)
      return invalid(fmt::format("parts: expected each of 1 to {} once", upload->part_count));
  }
  if (static_cast<std::int64_t>(parts.size()) != upload->part_count) {
    return invalid(
        fmt::format("parts: expected all {} parts, got {}", upload->part_count, parts.size()));
  }
  if (auto joined = join(id, key, parts); !joined) {
    // Another request for the same was faster and took the parts away.
    if (is_done(id)) return {};
    return joined;
  }
  if (auto put = store_->put(done_key(id), ""); !put) return put;
  return store_->remove_tree(parts_key(id));
}

core::Result<> MultipartUploads::abort(std::string_view id, std::string_view key) {
  auto upload = find(id, key);
  if (!upload) return std::move(upload).error();
  return store_->remove_tree(folder_of(id));
}

core::Result<std::size_t> MultipartUploads::remove_stale() {
  auto uploads = store_->list_folder(kUploadsFolder);
  if (!uploads) return std::move(uploads).error();
  const core::Micros oldest = clock_->now() - kStaleAfter;
  std::size_t removed = 0;
  for (const storage::ObjectEntry& upload : *uploads) {
    if (const auto begun = store_->stat(facts_key(upload.name)); begun && begun->modified >= oldest)
      continue;
    auto objects = store_->list(folder_of(upload.name) + "/");
    if (!objects) return std::move(objects).error();
    const bool is_alive = std::ranges::any_of(
        *objects, [&](const storage::ObjectInfo& object) { return object.modified >= oldest; });
    if (is_alive) continue;
    if (auto gone = store_->remove_tree(folder_of(upload.name)); !gone)
      return std::move(gone).error();
    ++removed;
  }
  return removed;
}

}  // namespace tenure::tracking
