#include "app/server_access.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/file.h"
#include "core/log.h"
#include "net/http_client.h"

namespace tenure::app {
namespace {

constexpr std::size_t kBootstrapMin = 32;
constexpr std::string_view kBootstrapName = "bootstrap";

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::string without_end_of_line(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

/// The secrets that stand in the configuration, as tokens. Neither they nor their lengths are part
/// of a message.
core::Result<std::vector<auth::Token>> bootstrap_tokens(const core::Config& config) {
  std::vector<auth::Token> tokens;
  const auto add = [&](const char* key, const std::string& secret) -> core::Result<> {
    if (secret.size() < kBootstrapMin)
      return config.error_at(
          key, fmt::format("should hold at least {} characters, such as those of `openssl rand "
                           "-hex 16`",
                           kBootstrapMin));
    auth::Token token;
    token.id = tokens.empty() ? "bootstr1" : "bootstr2";
    token.name = kBootstrapName;
    token.digest = core::sha256(secret);
    token.role = core::Role::kAdmin;
    tokens.push_back(std::move(token));
    return {};
  };
  if (const std::string secret = config.text("auth.bootstrap_token"); !secret.empty()) {
    if (auto ok = add("auth.bootstrap_token", secret); !ok) return std::move(ok).error();
  }
  if (const std::string path = config.text("auth.bootstrap_token_file"); !path.empty()) {
    auto text = core::read_file(config.resolve(path));
    if (!text) return config.error_at("auth.bootstrap_token_file", text.error().message);
    if (auto ok = add("auth.bootstrap_token_file", without_end_of_line(*std::move(text))); !ok)
      return std::move(ok).error();
  }
  return tokens;
}

auth::JwtOptions jwt_options(const core::Config& jwt) {
  return {.issuer = jwt.text("issuer"),
          .audience = jwt.text("audience"),
          .role_claim = jwt.text("role_claim"),
          .models_claim = jwt.text("models_claim"),
          .leeway = jwt.duration("leeway")};
}

/// The JWKS that an issuer publishes.
core::Result<std::string> fetch_keys(const net::ClientRequest& request,
                                     const std::atomic<bool>& is_cancelled) {
  constexpr int kOk = 200, kTooMany = 429, kServerErrors = 500;
  net::ClientRequest cancellable = request;
  cancellable.is_cancelled = &is_cancelled;
  auto answer = net::send_request(cancellable);
  if (!answer) return std::move(answer).error();
  if (answer->status == kOk) return std::move(answer->body);
  const bool is_passing = answer->status == kTooMany || answer->status >= kServerErrors;
  return core::Error{is_passing ? core::ErrorCode::kUnavailable : core::ErrorCode::kInvalidArgument,
                     fmt::format("GET {}: it answered {}, and not with keys",
                                 net::shown_url(request.url), answer->status)};
}

/// Whether to try again may help: a mistake in the project file stays one.
bool is_away(core::ErrorCode code) {
  return code == core::ErrorCode::kUnavailable || code == core::ErrorCode::kDeadlineExceeded;
}

/// Follows the keys of auth.jwt.jwks_url; null where there is none.
core::Result<std::unique_ptr<auth::KeyWatcher>> watch_keys(const Project& project,
                                                           auth::Guard& guard) {
  constexpr core::Micros kTimeout = 5 * core::kMicrosPerSecond;
  constexpr std::size_t kKeysMax = std::size_t{1} << 20;
  const core::Config jwt = project.config().at("auth.jwt");
  const std::string url = jwt.text("jwks_url");
  if (url.empty()) return std::unique_ptr<auth::KeyWatcher>();
  if (!jwt.text("jwks_file").empty())
    return jwt.error_at("jwks_url", "stands beside auth.jwt.jwks_file; give one of them");
  net::ClientRequest request{.url = url, .timeout = kTimeout, .answer_max = kKeysMax};
  if (const std::string ca = jwt.text("ca_file"); !ca.empty())
    request.ca_file = project.config().resolve(ca).string();
  auth::KeyWatcher::Options options;
  options.fetch = [request](const std::atomic<bool>& is_cancelled) {
    return fetch_keys(request, is_cancelled);
  };
  options.jwt = jwt_options(jwt);
  options.renew = jwt.duration("renew");
  auto keys = std::make_unique<auth::KeyWatcher>(std::move(options), project.clock(), guard);
  const auto fetched = keys->fetch_now();
  if (!fetched && !is_away(fetched.error().code))
    return jwt.error_at("jwks_url", fetched.error().message);
  if (!fetched)
    core::log_error("auth", "the keys of JWTs cannot be fetched; JWTs are refused until they can",
                    {{"error.message", std::string_view(fetched.error().message)}});
  return keys;
}

core::Result<> check_reach(const Project& project, const auth::Guard& guard) {
  const core::Config serving = project.config().at("serving");
  const std::string host = serving.text("host");
  if (is_loopback(host) || serving.boolean("insecure")) return {};
  if (!guard.options().is_enabled)
    return serving.error_at("host",
                            fmt::format("is {}, which others can reach, and no token is asked for; "
                                        "use 127.0.0.1, set auth.enabled: true, put a proxy with "
                                        "authentication in front, or say --insecure",
                                        host));
  // Others make the tokens.
  for (const char* const key : {"auth.jwt.jwks_file", "auth.jwt.jwks_url"})
    if (!project.config().text(key).empty()) return {};
  const core::Micros now = project.clock().now();
  const auto tokens = guard.tokens();
  const bool has_token = std::ranges::any_of(
      tokens->entries(), [now](const auto& entry) { return entry.token.is_usable(now); });
  if (!has_token)
    return serving.error_at("host",
                            fmt::format("is {}, which others can reach, and there is no usable "
                                        "token yet; make one with `tenure admin tokens create "
                                        "NAME --role admin`",
                                        host));
  return {};
}

}  // namespace

core::Result<std::unique_ptr<ServerAccess>> ServerAccess::open(Project& project,
                                                               core::MetricRegistry& metrics) {
  const core::Config& config = project.config();
  const core::Config limit = config.at("serving.rate_limit");
  const core::Micros window = limit.duration("window");
  const auth::GuardOptions options{
      .is_enabled = config.boolean("auth.enabled"),
      .per_token = {.requests = limit.integer("requests"), .window = window},
      .anonymous = {.requests = limit.integer("anonymous"), .window = window}};
  std::unique_ptr<ServerAccess> access(
      new ServerAccess(options, project.clock(), metrics));  // NOLINT: a private constructor
  if (options.is_enabled) {
    auto fixed = bootstrap_tokens(config);
    if (!fixed) return std::move(fixed).error();
    auto store = project.tokens();
    if (!store) return std::move(store).error();
    const std::string jwks = config.text("auth.jwt.jwks_file");
    auth::TokenWatcher::Options follow;
    follow.poll_interval = config.duration("auth.poll_interval");
    if (!jwks.empty()) follow.jwks = config.resolve(jwks);
    follow.jwt = jwt_options(config.at("auth.jwt"));
    follow.fixed = *std::move(fixed);
    access->watcher_ =
        std::make_unique<auth::TokenWatcher>(std::move(follow), **store, access->guard_);
    if (auto read = access->watcher_->check_now(); !read)
      return std::move(read).error().within("auth");
    auto keys = watch_keys(project, access->guard_);
    if (!keys) return std::move(keys).error();
    access->keys_ = *std::move(keys);
  }
  if (auto ok = check_reach(project, access->guard_); !ok) return std::move(ok).error();
  return access;
}

void ServerAccess::start() {
  if (watcher_) watcher_->start();
  if (keys_) keys_->start();
}

void ServerAccess::stop() {
  if (keys_) keys_->stop();
  if (watcher_) watcher_->stop();
}

}  // namespace tenure::app
