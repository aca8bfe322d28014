#include "api/mlflow/registry_review_http.h"

#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "tracking/version_review.h"

namespace tenure::api::mlflow {
namespace {

using core::JsonObject;
using core::Result;
using net::Request;
using net::Response;
using tracking::Decision;

constexpr std::uint64_t kGetBody = 1024;
constexpr std::uint64_t kDecisionBody = 64 * 1024;

core::Error invalid(std::string message) {
  return {core::ErrorCode::kInvalidArgument, std::move(message)};
}

/// The segment of the path, decoded: models may have blanks in their names.
Result<std::string> segment(const Request& request, std::string_view name) {
  auto text = net::percent_decode(request.path_parameter(name));
  if (!text || text->empty())
    return invalid(
        fmt::format("the path's {} cannot be read: '{}'", name, request.path_parameter(name)));
  return *std::move(text);
}

Result<std::optional<std::int64_t>> query_integer(const Request& request, std::string_view name,
                                                  std::int64_t max) {
  const auto text = request.query_parameter(name);
  if (!text) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (status != std::errc{} || end != text->data() + text->size() || number < 1 || number > max) {
    return invalid(fmt::format("query parameter '{}': expected a number from 1 to {}, got '{}'",
                               name, max, *text));
  }
  return std::optional(number);
}

Result<JsonObject> compare(const MlflowServices& services, const Request& request) {
  auto model = segment(request, "model");
  if (!model) return std::move(model).error();
  const std::string list = request.query_parameter("versions").value_or("");
  std::vector<std::int64_t> numbers;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    auto number = tracking::find_version_number(services.registry, *model,
                                                std::string_view(list).substr(begin, end - begin));
    if (!number) return std::move(number).error();
    numbers.push_back(*number);
    if (numbers.size() > tracking::kComparedMax) break;
    begin = end + 1;
  }
  return tracking::compare_versions(services.registry, services.runs, *model, numbers);
}

Result<JsonObject> audit(const MlflowServices& services, const Request& request) {
  constexpr std::int64_t kDefault = 100;
  constexpr std::int64_t kMax = 10'000;
  auto model = segment(request, "model");
  if (!model) return std::move(model).error();
  auto limit = query_integer(request, "limit", kMax);
  if (!limit) return std::move(limit).error();
  auto version = query_integer(request, "version", std::numeric_limits<std::int32_t>::max());
  if (!version) return std::move(version).error();
  return tracking::history_of_model(services.registry, *model, *version,
                                    static_cast<std::size_t>(limit->value_or(kDefault)));
}

Result<std::int64_t> version_in_path(const MlflowServices& services, const Request& request,
                                     std::string_view model) {
  auto text = segment(request, "version");
  if (!text) return std::move(text).error();
  return tracking::find_version_number(services.registry, model, *text);
}

Result<JsonObject> approval(const MlflowServices& services, const Request& request) {
  auto model = segment(request, "model");
  if (!model) return std::move(model).error();
  auto version = version_in_path(services, request, *model);
  if (!version) return std::move(version).error();
  auto state = services.registry.approval_of(*model, *version);
  if (!state) return std::move(state).error();
  return JsonObject{
      {"model", *model}, {"version", *version}, {"approval", tracking::to_json(*state)}};
}

template <Decision decision>
Result<JsonObject> decide(const MlflowServices& services, const Request& request) {
  auto model = segment(request, "model");
  if (!model) return std::move(model).error();
  auto version = version_in_path(services, request, *model);
  if (!version) return std::move(version).error();
  const auto body = core::parse_json(request.body);
  if (!body) return invalid("the body is no JSON: " + body.error().message);
  auto reason = core::json_text(*body, "reason");
  if (!reason) return std::move(reason).error();
  const std::string_view actor =
      request.principal.empty() ? tracking::kUnknownActor : request.principal;
  return tracking::decide_on_version(services.registry, services.runs, *model, *version, decision,
                                     actor, *reason);
}

using Call = Result<JsonObject> (*)(const MlflowServices&, const Request&);

net::Handler handler_of(const MlflowServices& services, Call call) {
  return [&services, call](const Request& request, Response& response) {
    const auto answer = call(services, request);
    if (!answer) {
      return response.error(core::error_code_info(answer.error().code).http_status,
                            answer.error().message);
    }
    response.body = core::to_text(*answer);
  };
}

}  // namespace

std::vector<net::Route> review_routes(const MlflowServices& services) {
  using net::Method;
  using net::Role;
  const auto row = [&services](Method method, std::string_view path, Call call, Role role,
                               std::string_view summary) {
    return net::Route{.method = method,
                      .path = path,
                      .handler = handler_of(services, call),
                      .role = role,
                      .is_blocking = true,
                      .body_max = method == Method::kGet ? kGetBody : kDecisionBody,
                      .summary = summary};
  };
  // clang-format off
  return {
    row(Method::kGet,  "/api/tenure/models/{model}/compare", compare, Role::kViewer, "Versions of a model side by side: params, metrics, tags, data sets, and what differs"),
    row(Method::kGet,  "/api/tenure/models/{model}/audit", audit, Role::kViewer, "Who changed what in a model, when, and why; newest first"),
    row(Method::kGet,  "/api/tenure/models/{model}/versions/{version}/approval", approval, Role::kViewer, "Who approved or rejected a version, and what it still needs"),
    row(Method::kPost, "/api/tenure/models/{model}/versions/{version}/approve", decide<Decision::kApprove>, Role::kOperator, "Approve a version, with the reason; the evidence is added"),
    row(Method::kPost, "/api/tenure/models/{model}/versions/{version}/reject", decide<Decision::kReject>, Role::kOperator, "Reject a version, with the reason; earlier approvals count no more"),
  };
  // clang-format on
}

}  // namespace tenure::api::mlflow
