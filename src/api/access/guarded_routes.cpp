#include "api/access/guarded_routes.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "api/access/own_pages.h"
#include "api/access/protocol_paths.h"
#include "core/ascii_case.h"

namespace tenure::api {
namespace {

using auth::RateState;
using auth::Verdict;
using Outcome = auth::Verdict::Outcome;

constexpr std::string_view kRealm = "Bearer realm=\"tenure\"";
/// For MLflow's web page, which has no place to enter a token: the browser asks for one, to be
/// given as the password.
constexpr std::string_view kBrowserRealm = "Basic realm=\"tenure\", charset=\"UTF-8\"";

/// What was told of a customer is erased of all models.
constexpr std::string_view kLabels = "/api/tenure/labels";

/// Those of them that ?model= gives another one.
constexpr std::array<std::string_view, 8> kAskable = {
    "/predict",  "/predict/batch", "/explain",    "/decide",
    "/recourse", "/invocations",   "/model-info", "/api/tenure/labels"};

/// Its answer tells of all models: not for tokens that are kept to some. So are the calls of
/// MLflow's tracking server, which can read and change all of them.
constexpr std::string_view kOfAllModels = "/v2/models/stats";
constexpr std::string_view kAllModels = "*";  // no model's name

/// Routes that ask the served model without naming it.
constexpr std::array<std::string_view, 13> kOfServedModel = {"/predict",
                                                             "/predict/batch",
                                                             "/explain",
                                                             "/decide",
                                                             "/recourse",
                                                             "/invocations",
                                                             "/model-info",
                                                             "/fallback-stats",
                                                             "/ready",
                                                             "/traffic",
                                                             "/traffic/{variant}/take-out",
                                                             "/traffic/{variant}/put-back",
                                                             "/api/tenure/labels"};

/// Open to everyone, but only who shows a token learns names and reasons.
constexpr std::array<std::string_view, 4> kTellsFriendsMore = {
    "/ready", "/v2/models/{model}/ready", "/v2/models/{model}/versions/{version}/ready",
    "/v1/models/{model}"};

/// Appends to a text that needs no heap; what does not fit is left out.
template <typename... T>
std::string_view format_into(std::array<char, 96>& buffer, fmt::format_string<T...> format,
                             T&&... values) {
  const auto result =
      fmt::format_to_n(buffer.data(), buffer.size(), format, std::forward<T>(values)...);
  return {buffer.data(), std::min<std::size_t>(result.size, buffer.size())};
}

/// draft-ietf-httpapi-ratelimit-headers-08, and the three fields of its first drafts.
void add_rate_fields(const Verdict& verdict, bool has_old_fields, net::Response& response) {
  const RateState& rate = verdict.rate;
  if (rate.limit == 0) return;
  const std::string_view policy = verdict.is_anonymous ? "address" : "token";
  std::array<char, 96> text;
  response.add_header("RateLimit-Policy", format_into(text, "\"{}\";q={};w={}", policy, rate.limit,
                                                      rate.window / core::kMicrosPerSecond));
  response.add_header("RateLimit",
                      format_into(text, "\"{}\";r={};t={}", policy, rate.remaining, rate.reset_s));
  if (!has_old_fields) return;
  response.add_header("RateLimit-Limit", format_into(text, "{}", rate.limit));
  response.add_header("RateLimit-Remaining", format_into(text, "{}", rate.remaining));
  response.add_header("RateLimit-Reset", format_into(text, "{}", rate.reset_s));
}

void refuse(const Verdict& verdict, const auth::AccessRequest& access, net::Response& response) {
  switch (verdict.outcome) {
    case Outcome::kAllowed:
      break;
    case Outcome::kNoToken:
      response.error(401, "Not authenticated");
      response.add_header("WWW-Authenticate", kRealm);
      break;
    case Outcome::kInvalidToken:
      response.error(401, "The token is not known here, or is revoked or expired");
      response.add_header("WWW-Authenticate", fmt::format("{}, error=\"invalid_token\"", kRealm));
      break;
    case Outcome::kRoleTooLow:
    case Outcome::kOtherModel:
      response.error(403,
                     verdict.outcome == Outcome::kRoleTooLow
                         ? fmt::format("This needs the role {}; the token '{}' has {}",
                                       core::role_name(access.needed), verdict.principal,
                                       core::role_name(verdict.role))
                         : fmt::format("The token '{}' may not use this model", verdict.principal));
      response.add_header("WWW-Authenticate",
                          fmt::format("{}, error=\"insufficient_scope\"", kRealm));
      break;
    case Outcome::kTooMany:
      response.error(
          429,
          fmt::format("More than {} requests in {} s; try again in {} s", verdict.rate.limit,
                      verdict.rate.window / core::kMicrosPerSecond, verdict.rate.retry_after_s));
      response.add_header("Retry-After", fmt::format("{}", verdict.rate.retry_after_s));
      break;
  }
}

/// Header fields with addresses that are looked at; each may hold many.
constexpr std::size_t kForwardedMax = 8;

/// What the checks of one route need to know.
struct GuardedRoute {
  enum class Asked : std::uint8_t { kWhole, kAhead, kAgain };

  auth::Guard& guard;
  core::Role role;
  bool has_model_segment;
  bool is_verb_in_segment;  ///< KServe V1: "{model}:predict"
  std::string_view served_model;
  bool is_askable;   ///< ?model= names another one
  bool is_tracking;  ///< of MLflow's tracking server
  bool has_rate_fields;
  bool tells_friends_more;             ///< open to everyone; what it says depends on who asks
  const net::TrustedProxies* proxies;  ///< null = none
  bool is_streamed;  ///< counted before its body, which may take hours, and not after it
  net::Handler inner;

  void operator()(const net::Request& request, net::Response& response) const {
    const Verdict verdict = check(request, response, is_streamed ? Asked::kAgain : Asked::kWhole);
    if (!verdict.is_allowed()) return;
    net::Request named = request;
    named.principal = verdict.principal;
    named.principal_id = verdict.principal_id;
    if (tells_friends_more) named.may_see_details = is_friend(request);
    inner(named, response);
  }

  /// Fills the response when the request may not pass.
  Verdict check(const net::Request& request, net::Response& response, Asked asked) const {
    std::optional<std::string> decoded;
    net::TrustedProxies::Room room;
    auth::AccessRequest access = access_of(request, decoded, room);
    access.is_ahead = asked == Asked::kAhead;
    access.is_again = asked == Asked::kAgain;
    const Verdict verdict = guard.check(access);
    add_rate_fields(verdict, has_rate_fields, response);
    if (!verdict.is_allowed()) refuse(verdict, access, response);
    if (is_tracking && response.status == 401)
      response.add_header("WWW-Authenticate", kBrowserRealm);
    return verdict;
  }

  auth::AccessRequest access_of(const net::Request& request, std::optional<std::string>& decoded,
                                net::TrustedProxies::Room& room) const {
    return {.credentials = {.authorization = request.header("Authorization"),
                            .api_key = request.header("X-API-Key"),
                            .remote = client_of(request, room)},
            .needed = role,
            .model = model_of(request, decoded)};
  }

  /// Whose address counts: the peer's, or that of whom a trusted proxy asks for.
  std::string_view client_of(const net::Request& request, net::TrustedProxies::Room& room) const {
    if (proxies == nullptr || proxies->is_empty() || !guard.uses_addresses()) return request.remote;
    std::array<std::string_view, kForwardedMax> values;
    std::size_t count = 0;
    for (const net::Request::Header& header : request.headers) {
      if (!core::equals_ignoring_case(header.name, proxies->field_name())) continue;
      // The last ones are those that the proxies nearest to us wrote.
      if (count == values.size()) std::shift_left(values.begin(), values.end(), 1);
      count = std::min(count + 1, values.size());
      values[count - 1] = header.value;
    }
    return proxies->client(request.remote, std::span(values).first(count), room);
  }

  /// Whether the request shows a token that may ask about the model.
  bool is_friend(const net::Request& request) const {
    std::optional<std::string> decoded;
    net::TrustedProxies::Room room;
    auth::AccessRequest access = access_of(request, decoded, room);
    access.needed = core::Role::kViewer;
    return guard.is_known(access);
  }

  /// As api::asked_model understands the request.
  std::string_view model_of(const net::Request& request,
                            std::optional<std::string>& decoded) const {
    if (has_model_segment) return model_segment(request, decoded);
    if (!is_askable || request.query.empty()) return served_model;
    decoded = request.query_parameter("model");
    return decoded ? std::string_view(*decoded) : served_model;
  }

  std::string_view model_segment(const net::Request& request,
                                 std::optional<std::string>& decoded) const {
    std::string_view segment = request.path_parameter("model");
    if (is_verb_in_segment) segment = segment.substr(0, segment.rfind(':'));
    if (segment.find('%') == std::string_view::npos) return segment;
    decoded = net::percent_decode(segment);
    return decoded ? std::string_view(*decoded) : segment;
  }
};

GuardedRoute guarded(const AccessRules& rules, const net::Route& route) {
  const bool is_of_served =
      std::find(kOfServedModel.begin(), kOfServedModel.end(), route.path) != kOfServedModel.end();
  const bool is_erasure = route.path == kLabels && route.method == net::Method::kDelete;
  const bool is_of_all = is_erasure || route.path == kOfAllModels || is_tracking_path(route.path);
  return GuardedRoute{.guard = *rules.guard,
                      .role = route.role,
                      .has_model_segment = route.path.find("{model}") != std::string_view::npos,
                      .is_verb_in_segment =
                          route.path == "/v1/models/{model}" && route.method == net::Method::kPost,
                      .served_model = is_of_all      ? kAllModels
                                      : is_of_served ? rules.model
                                                     : std::string_view(),
                      .is_askable = !is_erasure && std::ranges::count(kAskable, route.path) > 0,
                      .is_tracking = is_tracking_path(route.path),
                      .has_rate_fields = rules.has_rate_fields,
                      .tells_friends_more = route.role == core::Role::kAnyone &&
                                            std::ranges::count(kTellsFriendsMore, route.path) > 0,
                      .proxies = rules.proxies,
                      .is_streamed = route.open_body != nullptr,
                      .inner = route.handler};
}

using Origins = std::shared_ptr<const std::vector<std::string>>;

bool is_allowed_origin(const std::vector<std::string>& origins, std::string_view origin) {
  return std::any_of(origins.begin(), origins.end(),
                     [&](const std::string& one) { return one == "*" || one == origin; });
}

/// Says that a page of the request's origin may read the answer. False when it may not.
bool add_origin(const Origins& origins, const net::Request& request, net::Response& response) {
  response.add_header("Vary", "Origin");
  const std::string_view origin = request.header("Origin");
  if (origin.empty() || !is_allowed_origin(*origins, origin)) return false;
  response.add_header("Access-Control-Allow-Origin", origin);
  return true;
}

net::Handler with_origin(const Origins& origins, net::Handler inner) {
  return [origins, inner = std::move(inner)](const net::Request& request, net::Response& response) {
    if (add_origin(origins, request, response))
      response.add_header("Access-Control-Expose-Headers",
                          "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, "
                          "Inference-Header-Content-Length, WWW-Authenticate");
    inner(request, response);
  };
}

net::Handler preflight(const Origins& origins, const std::string& methods) {
  return [origins, methods](const net::Request& request, net::Response& response) {
    response.status = 204;
    if (!add_origin(origins, request, response)) return;
    response.add_header("Access-Control-Allow-Methods", methods);
    response.add_header("Access-Control-Allow-Headers",
                        "Authorization, Content-Type, X-API-Key, X-Request-Id, "
                        "Inference-Header-Content-Length, Idempotency-Key, traceparent, "
                        "tracestate");
    response.add_header("Access-Control-Max-Age", "600");
  };
}

void share_with_origins(const Origins& origins, std::vector<net::Route>& routes) {
  std::map<std::string_view, std::string> methods;
  for (net::Route& route : routes) {
    route.handler = with_origin(origins, std::move(route.handler));
    if (route.before_body) route.before_body = with_origin(origins, std::move(route.before_body));
    std::string& names = methods[route.path];
    names += fmt::format("{}{}", names.empty() ? "" : ", ", net::method_name(route.method));
  }
  for (const auto& [path, names] : methods) {
    routes.push_back({.method = net::Method::kOptions,
                      .path = path,
                      .handler = preflight(origins, names),
                      .body_max = 1024});
  }
}

}  // namespace

void guard_routes(const AccessRules& rules, std::vector<net::Route>& routes) {
  if (rules.guard != nullptr && rules.guard->is_needed()) {
    for (net::Route& route : routes) {
      const GuardedRoute all = guarded(rules, route);
      if (route.role != core::Role::kAnyone) {
        route.before_body = [all](const net::Request& request, net::Response& response) {
          using Asked = GuardedRoute::Asked;
          all.check(request, response, all.is_streamed ? Asked::kWhole : Asked::kAhead);
        };
      }
      route.handler = all;
    }
  }
  refuse_foreign_pages(rules.origins, routes);
  if (rules.hosts) refuse_foreign_hosts(*rules.hosts, routes);
  if (!rules.origins.empty())
    share_with_origins(std::make_shared<const std::vector<std::string>>(rules.origins), routes);
}

}  // namespace tenure::api
