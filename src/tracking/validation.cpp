#include "tracking/validation.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/utf8.h"

namespace tenure::tracking {
namespace {

core::Error invalid(std::string message) {
  return core::Error{core::ErrorCode::kInvalidArgument, std::move(message)};
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Letters of other scripts are all allowed, since Python's \w takes them; their punctuation too,
/// which it does not.
bool is_name_character(char c) {
  return is_word(c) || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_key_character(char c) {
  return is_name_character(c) || std::string_view(". :/").find(c) != std::string_view::npos;
}

/// Whether the path is relative and its own normal form, and does not start with "..".
bool is_normal_path(std::string_view path) {
  if (path.starts_with("..")) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

core::Result<> check_normal_path(std::string_view path, std::string_view parameter) {
  if (is_normal_path(path)) return {};
  std::string normal = std::filesystem::path(path).lexically_normal().generic_string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return invalid(fmt::format(
      "Invalid value \"{}\" for parameter '{}' supplied: Names may be treated as files "
      "in certain cases, and must not resolve to other names when treated as such. This "
      "name would resolve to '{}'",
      path, parameter, normal));
}

core::Error missing(std::string_view parameter) {
  return invalid(fmt::format("Missing value for required parameter '{}'.", parameter));
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

}  // namespace

core::Result<> check_text(std::string_view text, std::size_t max, std::string_view what) {
  if (!core::is_utf8(text)) return invalid(fmt::format("'{}' is not valid UTF-8", what));
  if (text.find('\0') != std::string_view::npos)
    return invalid(fmt::format("'{}' must not hold a NUL character", what));
  if (characters(text) > max)
    return invalid(fmt::format("'{}' exceeds the maximum length of {} characters", what, max));
  return {};
}

core::Result<> check_key(std::string_view key, std::string_view parameter, std::string_view what) {
  if (key.empty()) return missing(parameter);
  if (auto checked = check_text(key, kKeyMax, what); !checked) return checked;
  if (!std::all_of(key.begin(), key.end(), is_key_character)) {
    return invalid(
        fmt::format("Invalid value \"{}\" for parameter '{}' supplied: Names may only contain "
                    "alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) "
                    "and slashes (/).",
                    key, parameter));
  }
  return check_normal_path(key, parameter);
}

std::string_view truncated(std::string_view text, std::size_t max) {
  if (text.size() <= max) return text;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_continuation(text[i])) continue;
    if (seen++ == max) return text.substr(0, i);
  }
  return text;
}

core::Result<> check_model_name(std::string_view name) {
  if (name.find_first_not_of(" \t\r\n") == std::string_view::npos) return missing("name");
  if (auto checked = check_text(name, kModelNameMax, "name"); !checked) return checked;
  if (name.find_first_of("/:") != std::string_view::npos) {
    return invalid(fmt::format("Invalid model name '{}'. Names cannot contain '/' or ':'.", name));
  }
  return check_normal_path(name, "name");
}

core::Result<> check_alias_form(std::string_view alias) {
  if (alias.empty()) return invalid("Registered model alias name cannot be empty.");
  if (!std::all_of(alias.begin(), alias.end(), is_name_character)) {
    return invalid(
        fmt::format("Invalid alias name: '{}'. Names may only contain alphanumerics, underscores "
                    "(_), and dashes (-).",
                    alias));
  }
  return check_text(alias, kAliasMax, "Registered model alias name");
}

core::Result<> check_alias(std::string_view alias) {
  if (auto checked = check_alias_form(alias); !checked) return checked;
  const std::string small = lower(alias);
  if (small == "latest") return invalid("'latest' alias name (case insensitive) is reserved.");
  if (small.size() > 1 && small.front() == 'v' &&
      small.find_first_not_of("0123456789", 1) == std::string::npos) {
    return invalid(fmt::format("Version alias name '{}' is reserved.", alias));
  }
  return {};
}

}  // namespace tenure::tracking
