#include "storage/objects/s3_bucket.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "core/assert.h"
#include "core/percent.h"
#include "core/time_format.h"
#include "storage/objects/s3_xml.h"

namespace tenure::storage {
namespace {

core::Error not_found(std::string_view key) {
  return core::Error{core::ErrorCode::kNotFound, fmt::format("no object with key '{}'", key)};
}

core::Error strange(const S3Call& call, std::string_view what) {
  return core::Error{core::ErrorCode::kCorruption,
                     fmt::format("{} '{}': the server's answer {}", call.method, call.key, what)};
}

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || text.empty()) return std::nullopt;
  return number;
}

/// An ETag without what HTTP puts around it.
std::string version_of(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  std::string version(etag);
  std::erase_if(version, [](char c) { return c == '"' || c < 0x21 || c > 0x7e; });
  return version;
}

ObjectInfo info_of(std::string_view key, const S3Answer& answer, std::uint64_t size) {
  return {std::string(key), size, answer.modified(), version_of(answer.header("etag"))};
}

/// What encoding-type=url made of a key.
std::string decoded_key(std::string_view text, bool is_encoded) {
  std::string key(text);
  if (!is_encoded) return key;
  std::ranges::replace(key, '+', ' ');  // a plus itself is %2B
  return core::percent_decoded(key);
}

/// Base64 of the MD5, as Content-MD5 wants it.
std::string content_md5(std::string_view body) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  TENURE_ASSERT(EVP_Digest(body.data(), body.size(), digest, &size, EVP_md5(), nullptr) == 1);
  unsigned char text[32];
  const int length = EVP_EncodeBlock(text, digest, static_cast<int>(size));
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

/// XML has no form for control characters.
bool fits_xml(std::string_view key) {
  return std::ranges::none_of(key, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
}

}  // namespace

core::Result<S3Answer> S3Bucket::must(const S3Call& call) {
  auto answer = client_->call(call);
  if (!answer) return std::move(answer).error();
  if (!answer->is_success()) return client_->error_of(call, *answer);
  return answer;
}

core::Result<> S3Bucket::put(std::string_view key, std::string_view bytes) {
  auto answer = must({.method = "PUT", .key = std::string(key), .body = bytes});
  if (!answer) return std::move(answer).error();
  return {};
}

core::Result<ObjectInfo> S3Bucket::head(std::string_view key) {
  const S3Call call{.method = "HEAD", .key = std::string(key)};
  auto answer = client_->call(call);
  if (!answer) return std::move(answer).error();
  if (answer->status == 404) return not_found(key);
  if (!answer->is_success()) return client_->error_of(call, *answer);
  const auto size = to_number(answer->header("content-length"));
  if (!size) return strange(call, "has no Content-Length");
  return info_of(key, *answer, *size);
}

core::Result<S3Bucket::Block> S3Bucket::get(std::string_view key, std::uint64_t offset,
                                            std::uint64_t length, std::string_view version) {
  const std::uint64_t last = std::max(offset, offset + length - 1);
  S3Call call{.method = "GET", .key = std::string(key)};
  call.headers.emplace_back("range", fmt::format("bytes={}-{}", offset, last));
  if (!version.empty()) call.headers.emplace_back("if-match", fmt::format("\"{}\"", version));
  auto answer = client_->call(call);
  if (!answer) return std::move(answer).error();
  const auto changed = [&] {
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("object '{}' was replaced while it was read", key)};
  };
  if (answer->status == 412) return changed();
  if (answer->status == 416) {
    // Nothing from there on; also the whole of an empty object.
    auto info = head(key);
    if (!info) return std::move(info).error();
    if (!version.empty() && info->version != version) return changed();
    return Block{*std::move(info), {}};
  }
  if (answer->status == 404 && !version.empty()) return changed();
  if (answer->status == 404 && answer->error_code != "NoSuchBucket") return not_found(key);
  if (!answer->is_success()) return client_->error_of(call, *answer);
  std::optional<std::uint64_t> size = answer->body.size();
  if (answer->status == 206) {
    const std::string_view range = answer->header("content-range");
    size = to_number(range.substr(std::min(range.find('/') + 1, range.size())));
    if (!size || !range.starts_with(fmt::format("bytes {}-", offset)))
      return strange(call, "is for another range");
  } else {
    // The server knows no ranges, and sent it all.
    answer->body.erase(0, std::min<std::uint64_t>(offset, answer->body.size()));
    if (answer->body.size() > length) answer->body.resize(length);
  }
  Block block{info_of(key, *answer, *size), std::move(answer->body)};
  if (!version.empty() && block.info.version != version) return changed();
  return block;
}

core::Result<S3Page> S3Bucket::list(std::string_view prefix, std::string_view delimiter,
                                    std::string_view token) {
  S3Call call{.method = "GET"};
  call.query = {{"list-type", "2"}, {"encoding-type", "url"}};
  if (!prefix.empty()) call.query.emplace_back("prefix", prefix);
  if (!delimiter.empty()) call.query.emplace_back("delimiter", delimiter);
  if (!token.empty()) call.query.emplace_back("continuation-token", token);
  auto answer = must(call);
  if (!answer) return std::move(answer).error();
  const auto root = parse_xml(answer->body);
  if (!root || root->name != "ListBucketResult") return strange(call, "is no listing");
  const bool is_encoded = root->child_text("EncodingType") == "url";
  S3Page page;
  for (const XmlElement& element : root->children) {
    if (element.name == "Contents") {
      const auto size = to_number(element.child_text("Size"));
      if (!size) return strange(call, "lists an object without a size");
      page.objects.push_back({decoded_key(element.child_text("Key"), is_encoded), *size,
                              core::parse_time(element.child_text("LastModified")).value_or(0),
                              version_of(element.child_text("ETag"))});
    } else if (element.name == "CommonPrefixes") {
      page.folders.push_back(decoded_key(element.child_text("Prefix"), is_encoded));
    }
  }
  if (root->child_text("IsTruncated") == "true") {
    page.next = root->child_text("NextContinuationToken");
    // Else the first page would come again and again.
    if (page.next.empty() || page.next == token) return strange(call, "does not tell how to go on");
  }
  return page;
}

core::Result<> S3Bucket::remove(std::string_view key) {
  const S3Call call{.method = "DELETE", .key = std::string(key)};
  auto answer = client_->call(call);
  if (!answer) return std::move(answer).error();
  if (!answer->is_success() && answer->error_code != "NoSuchKey")
    return client_->error_of(call, *answer);
  return {};
}

core::Result<> S3Bucket::remove_many(const std::vector<std::string>& keys) {
  std::string body = "<Delete><Quiet>true</Quiet>";
  bool has_keys = false;
  for (const std::string& key : keys) {
    if (!fits_xml(key)) {
      if (auto removed = remove(key); !removed) return removed;
      continue;
    }
    body.append("<Object><Key>").append(escape_xml(key)).append("</Key></Object>");
    has_keys = true;
  }
  if (!has_keys) return {};
  body += "</Delete>";
  S3Call call{.method = "POST"};
  call.query = {{"delete", ""}};
  call.headers = {{"content-md5", content_md5(body)}, {"content-type", "application/xml"}};
  call.body = body;
  auto answer = must(call);
  if (!answer) return std::move(answer).error();
  const auto root = parse_xml(answer->body);
  if (!root) return strange(call, "is no result of a removal");
  for (const XmlElement& element : root->children) {
    if (element.name != "Error" || element.child_text("Code") == "NoSuchKey") continue;
    return core::Error{element.child_text("Code") == "AccessDenied"
                           ? core::ErrorCode::kPermissionDenied
                           : core::ErrorCode::kUnavailable,
                       fmt::format("cannot remove '{}': {} ({})", element.child_text("Key"),
                                   element.child_text("Code"), element.child_text("Message"))};
  }
  return {};
}

core::Result<std::string> S3Bucket::begin_upload(std::string_view key) {
  S3Call call{.method = "POST", .key = std::string(key)};
  call.query = {{"uploads", ""}};
  auto answer = must(call);
  if (!answer) return std::move(answer).error();
  const auto root = parse_xml(answer->body);
  std::string id(root ? root->child_text("UploadId") : std::string_view());
  if (id.empty()) return strange(call, "names no upload");
  return id;
}

core::Result<std::string> S3Bucket::put_part(std::string_view key, std::string_view upload_id,
                                             int number, std::string_view bytes) {
  S3Call call{.method = "PUT", .key = std::string(key)};
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", std::string(upload_id)}};
  call.body = bytes;
  auto answer = must(call);
  if (!answer) return std::move(answer).error();
  std::string etag(answer->header("etag"));
  if (etag.empty()) return strange(call, "has no ETag");
  return etag;
}

core::Result<> S3Bucket::complete_upload(std::string_view key, std::string_view upload_id,
                                         const std::vector<std::string>& etags,
                                         std::uint64_t size) {
  std::string body = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                        escape_xml(etags[i]));
  }
  body += "</CompleteMultipartUpload>";
  S3Call call{.method = "POST", .key = std::string(key)};
  call.query = {{"uploadId", std::string(upload_id)}};
  call.headers = {{"content-type", "application/xml"}};
  call.body = body;
  auto answer = client_->call(call);
  if (!answer) return std::move(answer).error();
  if (answer->error_code == "NoSuchUpload") {
    // The answer to an attempt before may have been lost after it succeeded.
    const std::string made = fmt::format("-{}", etags.size());
    const auto info = head(key);
    if (info && info->size == size && info->version.ends_with(made)) return {};
  }
  if (!answer->is_success()) return client_->error_of(call, *answer);
  // S3 may begin to answer before it knows how it ends.
  const auto root = parse_xml(answer->body);
  if (root && root->name != "Error") return {};
  if (root) {
    answer->error_code = root->child_text("Code");
    answer->error_message = root->child_text("Message");
  }
  return client_->error_of(call, *answer);
}

core::Result<> S3Bucket::abort_upload(std::string_view key, std::string_view upload_id) {
  S3Call call{.method = "DELETE", .key = std::string(key)};
  call.query = {{"uploadId", std::string(upload_id)}};
  auto answer = client_->call(call);
  if (!answer) return std::move(answer).error();
  if (!answer->is_success() && answer->status != 404) return client_->error_of(call, *answer);
  return {};
}

}  // namespace tenure::storage
