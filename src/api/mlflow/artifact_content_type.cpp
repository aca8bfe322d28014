#include "api/mlflow/artifact_content_type.h"

#include <algorithm>
#include <array>

#include "core/ascii_case.h"
#include "storage/objects/object_key.h"

namespace tenure::api::mlflow {
namespace {

constexpr auto kTextExtensions = std::to_array<std::string_view>(
    {"txt",  "log",   "err",  "cfg",  "conf", "cnf",     "cf",       "ini", "properties",
     "prop", "hocon", "toml", "yaml", "yml",  "xml",     "json",     "js",  "py",
     "py3",  "csv",   "tsv",  "md",   "rst",  "mlmodel", "mlproject"});

struct KnownType {
  std::string_view extension;
  std::string_view type;
};

/// Of IANA's list, what runs leave behind. All are sent as attachments, so a page that somebody
/// uploaded does not act for whoever opens it.
constexpr auto kKnownTypes = std::to_array<KnownType>({
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ipynb", "application/x-ipynb+json"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"wasm", "application/wasm"},
    {"wav", "audio/x-wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"zip", "application/zip"},
});

bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// The name between quotes, with a '_' for what a header cannot bear.
std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') text += '\\';
    text += byte < 0x20 || byte >= 0x7f ? '_' : c;
  }
  return text + '"';
}

}  // namespace

std::string_view artifact_content_type(std::string_view file_name) {
  const std::string_view extension = file_name.substr(file_name.rfind('.') + 1);
  const auto is_it = [&](std::string_view known) {
    return core::equals_ignoring_case(known, extension);
  };
  if (std::ranges::any_of(kTextExtensions, is_it)) return "text/plain";
  const auto* const known = std::ranges::find_if(kKnownTypes, is_it, &KnownType::extension);
  return known != kKnownTypes.end() ? known->type : "application/octet-stream";
}

std::string attachment_disposition(std::string_view file_name) {
  const std::string_view name = file_name.substr(file_name.rfind('/') + 1);
  if (!name.empty() && std::ranges::all_of(name, is_token_character))
    return "attachment; filename=" + std::string(name);
  std::string text = "attachment; filename=" + quoted(name);
  const bool is_plain = std::ranges::all_of(name, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!is_plain) text += "; filename*=UTF-8''" + storage::percent_encode_path(name);
  return text;
}

}  // namespace tenure::api::mlflow
