#include "storage/objects/aws_profile.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "core/file.h"

namespace tenure::storage {
namespace {

constexpr std::uint64_t kFileMax = std::uint64_t{1} << 20;

using Section = std::map<std::string, std::string, std::less<>>;

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

/// The lines "key = value" below "[name]"; nothing when there is no such line. Lines that begin
/// with a blank belong to the value before them, which is none of ours.
std::optional<Section> section_of(std::string_view text, std::string_view name) {
  std::optional<Section> section;
  bool is_inside = false;
  while (!text.empty()) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    const std::string_view line = without_blanks(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      is_inside = line.back() == ']' && without_blanks(line.substr(1, line.size() - 2)) == name;
      if (is_inside && !section) section.emplace();
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!is_inside || equals == std::string_view::npos || whole.front() == ' ' ||
        whole.front() == '\t')
      continue;
    (*section)[std::string(without_blanks(line.substr(0, equals)))] =
        without_blanks(line.substr(equals + 1));
  }
  return section;
}

/// The file's text; "" when there is none.
core::Result<std::string> read_if_there(const std::string& file) {
  std::error_code status;
  if (file.empty() || !std::filesystem::exists(file, status)) return std::string();
  const auto size = std::filesystem::file_size(file, status);
  if (!status && size > kFileMax)
    return core::Error{core::ErrorCode::kResourceExhausted,
                       fmt::format("{} is larger than 1 MiB", file)};
  return core::read_file(file);
}

core::Result<> take(const Section& section, const std::string& file, AwsProfile& profile) {
  const auto value = [&](std::string_view key) -> std::optional<std::string> {
    const auto found = section.find(key);
    if (found == section.end() || found->second.empty()) return std::nullopt;
    return found->second;
  };
  const auto access_key = value("aws_access_key_id");
  const auto secret_key = value("aws_secret_access_key");
  if (access_key.has_value() != secret_key.has_value())
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{}: profile '{}' lacks {}", file, profile.name,
                                   access_key ? "aws_secret_access_key" : "aws_access_key_id")};
  if (access_key && !profile.credentials)
    profile.credentials = {*access_key, *secret_key, value("aws_session_token").value_or("")};
  if (!profile.region) profile.region = value("region");
  return {};
}

}  // namespace

core::Result<AwsProfile> read_aws_profile(const ReadVariable& variable) {
  auto asked = variable("AWS_PROFILE");
  if (!asked) asked = variable("AWS_DEFAULT_PROFILE");
  AwsProfile profile;
  profile.name = asked.value_or("default");
  const auto home = variable("HOME");
  const auto file_of = [&](const char* name, const char* below_home) {
    if (auto given = variable(name)) return *given;
    return home ? *home + below_home : std::string();
  };
  profile.credentials_file = file_of("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
  const std::string config_file = file_of("AWS_CONFIG_FILE", "/.aws/config");
  bool is_known = false;
  for (const bool is_config : {false, true}) {
    const std::string& file = is_config ? config_file : profile.credentials_file;
    auto text = read_if_there(file);
    if (!text) return std::move(text).error();
    // The configuration writes "profile" before all names but one.
    const bool is_prefixed = is_config && profile.name != "default";
    const auto section = section_of(*text, is_prefixed ? "profile " + profile.name : profile.name);
    if (!section) continue;
    is_known = true;
    if (auto taken = take(*section, file, profile); !taken) return std::move(taken).error();
  }
  if (asked && !is_known)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("AWS_PROFILE: there is no profile '{}' in '{}' and '{}'",
                                   profile.name, profile.credentials_file, config_file)};
  return profile;
}

}  // namespace tenure::storage
