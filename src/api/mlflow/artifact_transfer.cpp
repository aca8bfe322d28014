#include "api/mlflow/artifact_transfer.h"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "api/mlflow/artifact_content_type.h"
#include "api/mlflow/message.h"
#include "net/byte_range.h"

namespace tenure::api::mlflow {
namespace {

/// How often an object may be replaced between a look at it and its opening.
constexpr int kAttempts = 5;

class ObjectSource final : public net::BodySource {
 public:
  ObjectSource(std::unique_ptr<storage::ObjectReader> reader, std::uint64_t size)
      : reader_(std::move(reader)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  core::Result<std::size_t> read(std::span<char> out) override { return reader_->read(out); }
  std::optional<net::FilePart> file_part() const override {
    const auto bytes = reader_->local_bytes();
    if (!bytes) return std::nullopt;
    return net::FilePart{bytes->handle, bytes->offset, bytes->length};
  }

 private:
  std::unique_ptr<storage::ObjectReader> reader_;
  std::uint64_t size_;
};

/// Fills the answer; false when the object was replaced meanwhile and has to be looked at again.
core::Result<bool> fill_answer(const net::Request& in, net::Response& out,
                               const tracking::ArtifactPlace& place) {
  auto reader = place.store->open(place.key);
  if (!reader) return std::move(reader).error();
  const storage::ObjectInfo info = (*reader)->info();
  const std::string etag = "\"" + info.version + "\"";
  const auto range =
      net::select_range(in, {.size = info.size, .etag = etag, .modified = info.modified}, out);
  if (!range || range->length == 0) return true;
  if (range->length < info.size) {
    reader = place.store->open(place.key, range->offset, range->length);
    if (!reader) return std::move(reader).error();
    if ((*reader)->info().version != info.version) return false;
  }
  out.source = std::make_unique<ObjectSource>(*std::move(reader), range->length);
  return true;
}

}  // namespace

void answer_file(const net::Request& in, net::Response& out, const tracking::ArtifactPlace& place,
                 std::string_view missing) {
  const std::string_view name = std::string_view(place.key).substr(place.key.rfind('/') + 1);
  const std::size_t headers_before = out.headers.size();
  core::Result<bool> filled = false;
  for (int attempt = 0; filled && !*filled && attempt < kAttempts; ++attempt) {
    out.headers.resize(headers_before);
    out.status = 200;
    filled = place.key.empty() ? core::Error{core::ErrorCode::kNotFound, ""}
                               : fill_answer(in, out, place);
  }
  if (filled && *filled) {
    if (out.status >= 400) return;
    out.content_type = artifact_content_type(name);
    out.headers.emplace_back("Content-Disposition", attachment_disposition(name));
    out.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return;
  }
  out.headers.resize(headers_before);
  core::Error error =
      filled ? core::Error{core::ErrorCode::kUnavailable,
                           fmt::format("'{}' is being replaced all the time; try again", name)}
             : std::move(filled).error();
  if (error.code == core::ErrorCode::kNotFound) error.message = missing;
  answer_error(out, error);
}

core::Result<> announce_size(storage::ObjectWriter& writer, const net::Request& request) {
  // Of a body that is coded, its size is not that of the object.
  if (!request.header("Content-Encoding").empty()) return {};
  const std::string_view text = request.header("Content-Length");
  std::uint64_t size = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (status != std::errc() || end != text.data() + text.size()) return {};
  return writer.expect(size);
}

core::Result<> ArtifactSink::write(std::string_view bytes) {
  if (bytes.size() > size_max_ - size_)
    return core::Error{core::ErrorCode::kInvalidArgument, std::string(too_large_)};
  size_ += bytes.size();
  return writer_->write(bytes);
}

core::Result<ArtifactSink*> ArtifactSink::of(const net::Request& request) {
  auto* const sink = dynamic_cast<ArtifactSink*>(request.sink);
  if (sink != nullptr) return sink;
  return core::Error{core::ErrorCode::kInternal, "the body of the request was not taken"};
}

core::Result<std::unique_ptr<net::BodySink>> open_artifact_sink(
    const tracking::ArtifactPlace& place, const net::Request& request) {
  if (place.key.empty()) return core::Error{core::ErrorCode::kInvalidArgument, "Invalid path"};
  auto writer = place.store->create(place.key);
  if (!writer) return std::move(writer).error();
  if (auto taken = announce_size(**writer, request); !taken) return std::move(taken).error();
  return std::unique_ptr<net::BodySink>(std::make_unique<ArtifactSink>(*std::move(writer)));
}

core::Result<std::string> listing_json(const tracking::ArtifactPlace& place,
                                       std::string_view shown_folder, std::string_view root_uri) {
  auto entries = place.store->list_folder(place.key);
  if (!entries) return std::move(entries).error();
  std::string folder(shown_folder);
  if (!folder.empty()) folder += '/';
  std::string files;
  for (const storage::ObjectEntry& entry : *entries) {
    if (place.key.empty() && entry.name.starts_with(tracking::kReservedFolders)) continue;
    files += files.empty() ? "{\"path\":" : ",{\"path\":";
    net::append_json_string(files, folder + entry.name);
    if (entry.is_folder)
      files += ",\"is_dir\":true}";
    else
      files += fmt::format(",\"is_dir\":false,\"file_size\":{}}}", entry.size);
  }
  std::string json = "{";
  if (!root_uri.empty()) {
    json += "\"root_uri\":";
    net::append_json_string(json, root_uri);
  }
  if (!files.empty()) {
    if (json.size() > 1) json += ',';
    json.append("\"files\":[").append(files).append("]");
  }
  return json + '}';
}

}  // namespace tenure::api::mlflow
