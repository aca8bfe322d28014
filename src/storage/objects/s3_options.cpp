#include "storage/objects/s3_options.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "core/percent.h"
#include "storage/objects/aws_profile.h"
#include "storage/objects/object_key.h"

namespace tenure::storage {
namespace {

constexpr std::string_view kForm =
    "s3://bucket[/prefix][?endpoint=http://host:port&region=...&path_style=true]";

core::Error bad_url(std::string_view why) {
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("object store URL: {}; expected {}", why, kForm)};
}

bool consists_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

bool is_bucket_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= 255 && consists_of(name, ".-_") &&
         name.front() != '.' && name.front() != '-' && name.find("..") == std::string_view::npos;
}

/// Scheme and host; the scheme's own port is left out, as HTTP clients do in Host.
core::Result<std::string> checked_endpoint(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  const bool is_tls = text.starts_with("https://");
  if (!is_tls && !text.starts_with("http://"))
    return bad_url("the endpoint must begin with http:// or https://");
  const std::size_t begin = is_tls ? 8 : 7;
  const std::string_view host = std::string_view(text).substr(begin);
  // Also keeps user names and passwords out, which would show in messages.
  if (host.empty() || !consists_of(host, ".-_:[]"))
    return bad_url("the endpoint must be a scheme, a host and maybe a port");
  const std::string_view own_port = is_tls ? ":443" : ":80";
  if (text.ends_with(own_port)) text.resize(text.size() - own_port.size());
  return text;
}

core::Result<bool> read_boolean(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return bad_url("path_style must be true or false");
}

struct Settings {
  std::optional<std::string> endpoint;
  std::optional<std::string> region;
  std::optional<bool> is_path_style;
};

core::Result<Settings> read_query(std::string_view query) {
  Settings settings;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    const std::size_t equals = std::min(item.find('='), item.size());
    const std::string_view name = item.substr(0, equals);
    std::string value = core::percent_decoded(item.substr(std::min(equals + 1, item.size())));
    if (name == "endpoint") {
      settings.endpoint = std::move(value);
    } else if (name == "region") {
      settings.region = std::move(value);
    } else if (name == "path_style") {
      auto read = read_boolean(value);
      if (!read) return std::move(read).error();
      settings.is_path_style = *read;
    } else {
      return bad_url(fmt::format("unknown option '{}'", name.substr(0, 40)));
    }
  }
  return settings;
}

std::optional<std::string> first_of(const ReadVariable& variable,
                                    std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (auto value = variable(name)) return value;
  return std::nullopt;
}

core::Result<> fill_endpoint(S3Options& options, Settings settings, const ReadVariable& variable) {
  if (settings.region) options.region = *settings.region;
  if (options.region.empty() || !consists_of(options.region, "-_"))
    return bad_url("a region has letters, digits and '-' only");
  if (!settings.endpoint) {
    settings.endpoint =
        first_of(variable, {"MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  }
  // Servers of one's own seldom have names for each bucket, and TLS knows none with a dot.
  options.is_path_style = settings.is_path_style.value_or(
      settings.endpoint.has_value() || options.bucket.find('.') != std::string::npos);
  auto endpoint = checked_endpoint(
      settings.endpoint.value_or(fmt::format("https://s3.{}.amazonaws.com", options.region)));
  if (!endpoint) return std::move(endpoint).error();
  options.endpoint = *std::move(endpoint);
  return {};
}

/// Credentials, and the region where neither URL nor environment says it.
core::Result<> find_credentials(S3Options& options, Settings& settings,
                                const ReadVariable& variable) {
  if (!settings.region) settings.region = first_of(variable, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  const auto access_key = variable("AWS_ACCESS_KEY_ID");
  const auto secret_key = variable("AWS_SECRET_ACCESS_KEY");
  if (access_key && secret_key)
    options.credentials = {*access_key, *secret_key, variable("AWS_SESSION_TOKEN").value_or("")};
  if (access_key && secret_key && settings.region) return {};
  auto profile = read_aws_profile(variable);
  if (!profile) {
    if (access_key && secret_key) return {};  // complete without
    return std::move(profile).error().within(fmt::format("s3://{}", options.bucket));
  }
  if (!settings.region) settings.region = profile->region;
  if (access_key && secret_key) return {};
  if (profile->credentials) {
    options.credentials = *std::move(profile->credentials);
    return {};
  }
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("s3://{}: credentials are missing; set AWS_ACCESS_KEY_ID and "
                                 "AWS_SECRET_ACCESS_KEY in the environment, or write them into "
                                 "profile '{}' of {}",
                                 options.bucket, profile->name,
                                 profile->credentials_file.empty() ? "~/.aws/credentials"
                                                                   : profile->credentials_file)};
}

}  // namespace

std::optional<std::string> process_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

core::Result<S3Options> read_s3_options(std::string_view url, const ReadVariable& variable) {
  constexpr std::string_view kScheme = "s3://";
  if (!url.starts_with(kScheme)) return bad_url("it must begin with s3://");
  url.remove_prefix(kScheme.size());
  const std::size_t question = std::min(url.find('?'), url.size());
  const std::string_view query = url.substr(std::min(question + 1, url.size()));
  url = url.substr(0, question);
  S3Options options;
  options.bucket = url.substr(0, url.find('/'));
  // Not shown: a '@' may follow a secret.
  if (!is_bucket_name(options.bucket))
    return bad_url("the bucket needs a name of letters, digits, '.', '-' and '_'");
  url.remove_prefix(options.bucket.size());
  while (url.starts_with('/')) url.remove_prefix(1);
  while (url.ends_with('/')) url.remove_suffix(1);
  options.prefix = url;
  if (!options.prefix.empty()) {
    if (auto checked = check_object_key(options.prefix); !checked)
      return std::move(checked).error().within("prefix in the bucket");
  }
  auto settings = read_query(query);
  if (!settings) return std::move(settings).error();
  if (auto found = find_credentials(options, *settings, variable); !found)
    return std::move(found).error();
  if (auto filled = fill_endpoint(options, *std::move(settings), variable); !filled)
    return std::move(filled).error();
  options.ca_file = variable("AWS_CA_BUNDLE").value_or("");
  return options;
}

}  // namespace tenure::storage
