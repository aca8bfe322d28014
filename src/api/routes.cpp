#include "api/routes.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/access/guarded_routes.h"
#include "api/docs/docs_http.h"
#include "api/health/health_http.h"
#include "api/idempotency/idempotent_handler.h"
#include "api/kserve/kserve_http.h"
#include "api/labels/labels_http.h"
#include "api/mlflow/mlflow_routes.h"
#include "api/mlflow_scoring/scoring_http.h"
#include "api/open_inference/infer_http.h"
#include "api/open_inference/model_http.h"
#include "api/predict/predict_http.h"
#include "api/recorded_answers.h"
#include "api/recourse/recourse_http.h"
#include "api/traffic/traffic_http.h"

namespace tenure::api {
namespace {

using net::Method;
using net::Request;
using net::Response;
using net::Role;

constexpr bool kInline = false;   ///< answers within microseconds, on the event loop
constexpr bool kBlocking = true;  ///< runs on a worker thread
constexpr net::Lane kBatch = net::Lane::kBatch;
constexpr net::Lane kEssential = net::Lane::kEssential;
constexpr std::uint64_t kServerLimit = 0;
constexpr std::uint64_t kNoBody = 1024;
constexpr std::uint64_t kSmallBody = 8 * 1024;   ///< a few texts
constexpr std::uint64_t kFloorBody = 64 * 1024;  ///< asks for no token

/// Routes whose every answer is remembered as a prediction.
constexpr std::string_view kPredicting[] = {"/predict",
                                            "/predict/batch",
                                            "/explain",
                                            "/decide",
                                            "/recourse",
                                            "/invocations",
                                            "/v1/models/{model}",
                                            "/v2/models/{model}/infer",
                                            "/v2/models/{model}/versions/{version}/infer"};

constexpr std::string_view kLabels = "/api/tenure/labels";

/// Lets a request that bears an Idempotency-Key be sent again without a second prediction. Whoever
/// checks callers must stand around this: a kept answer is given to all who know key and request.
void make_idempotent(AnswerMemory& answers, std::vector<net::Route>& routes) {
  for (net::Route& route : routes) {
    const bool is_one = std::ranges::count(kPredicting, route.path) > 0 || route.path == kLabels;
    if (route.method != Method::kPost || !is_one) continue;
    route.handler = idempotent(answers, std::move(route.handler));
    route.blocking_header = kIdempotencyKey;
  }
}

}  // namespace

std::vector<net::Route> make_routes(const Services& services) {
  const auto listed = std::make_shared<std::vector<ListedRoute>>();
  /// A handler that gets the services, or the services and the table itself.
  const auto with = [&services](auto handler) -> net::Handler {
    return [&services, handler](const Request& in, Response& out) { handler(services, in, out); };
  };
  /// A handler that predicts: under policy `block` its answers wait for the prediction log.
  const auto predicts = [&](auto handler, RefuseUnrecorded refuse = refuse_unrecorded) {
    return recorded(services, with(handler), refuse);
  };
  const auto with_table = [&services, listed](auto handler) -> net::Handler {
    return [&services, listed, handler](const Request& in, Response& out) {
      handler(services, *listed, in, out);
    };
  };

  // clang-format off
  std::vector<net::Route> routes = {
    // method        path                           handler                 role             where      body          summary
    {Method::kPost, "/predict",                     predicts(predict),      Role::kViewer,   kInline,   kServerLimit, "Predict churn by customer id, by features, or both; one row or many"},
    {Method::kPost, "/predict/batch",               predicts(predict),      Role::kViewer,   kBlocking, kServerLimit, "As /predict, on a worker thread: for thousands of rows", kBatch},
    {Method::kPost, "/explain",                     predicts(explain),      Role::kViewer,   kBlocking, kServerLimit, "What each feature adds to a prediction (exact Shapley values, in log-odds)"},
    {Method::kPost, "/decide",                      predicts(decide),       Role::kViewer,   kInline,   kServerLimit, "What to do about a customer: the offer that is expected to pay, or none, and why"},
    {Method::kPost, "/recourse",                    predicts(recourse),     Role::kViewer,   kBlocking, kServerLimit, "What could change for a customer so that the model gives a lower probability"},
    {Method::kGet,  "/fallback-stats",              with(fallback_stats),   Role::kViewer,   kInline,   kNoBody,      "Who answered: predictions by level and reason, and the circuit breakers"},
    {Method::kGet,  "/model-info",                  with(model_info),       Role::kViewer,   kBlocking,  kNoBody,      "The live model: version, inputs, threshold, where it came from"},
    {Method::kGet,  "/traffic",                     with(traffic_status),   Role::kViewer,   kBlocking,  kNoBody,      "The versions that share the requests: shares, state, how they compare"},
    {Method::kPost, "/traffic/{variant}/take-out",  with(take_arm_out),     Role::kOperator, kBlocking, kSmallBody,      "Leaves an arm's customers to the champion from now on"},
    {Method::kPost, "/traffic/{variant}/put-back",  with(put_arm_back),     Role::kOperator, kBlocking, kSmallBody,      "Lets an arm that was taken out answer again"},
    {Method::kPost, kLabels,                        with(tell_labels),      Role::kOperator, kBlocking, kServerLimit, "Tells what came of customers, for the versions that predicted it", kBatch},
    {Method::kDelete, kLabels,                      with(erase_labels),     Role::kAdmin,    kBlocking, kNoBody,      "Removes all that was told of a customer", kBatch},
    {Method::kGet,  "/health",                      with(health),           Role::kAnyone,   kInline,   kNoBody,      "200 while the process is alive"},
    {Method::kGet,  "/ready",                       with(ready),            Role::kAnyone,   kInline,   kNoBody,      "200 when predictions can be answered, else 503 with the reasons"},
    // Open Inference Protocol (V2) with Triton's extensions
    {Method::kGet,  "/v2",                                         with(server_metadata),  Role::kAnyone,   kInline,   kNoBody,      "Open Inference Protocol: name, version and extensions of the server"},
    {Method::kGet,  "/v2/health/live",                             server_live,            Role::kAnyone,   kInline,   kNoBody,      "Open Inference Protocol: 200 while the process is alive"},
    {Method::kGet,  "/v2/health/ready",                            with(server_ready),     Role::kAnyone,   kInline,   kNoBody,      "Open Inference Protocol: 200 when predictions can be answered"},
    {Method::kGet,  "/v2/models",                                  with(list_models),      Role::kViewer,   kInline,   kNoBody,      "Names of the models"},
    {Method::kGet,  "/v2/models/stats",                            with(model_statistics), Role::kViewer,   kInline,   kNoBody,      "Open Inference Protocol: statistics of all models"},
    {Method::kGet,  "/v2/models/{model}",                          with(model_metadata),   Role::kViewer,   kInline,   kNoBody,      "Open Inference Protocol: inputs and outputs of a model"},
    {Method::kGet,  "/v2/models/{model}/versions/{version}",       with(model_metadata),   Role::kViewer,   kInline,   kNoBody,      "Open Inference Protocol: inputs and outputs of a version"},
    {Method::kGet,  "/v2/models/{model}/ready",                    with(model_ready),      Role::kAnyone,   kInline,   kNoBody,      "Open Inference Protocol: 200 when the model is live"},
    {Method::kGet,  "/v2/models/{model}/versions/{version}/ready", with(model_ready),      Role::kAnyone,   kInline,   kNoBody,      "Open Inference Protocol: 200 when the version is live"},
    {Method::kGet,  "/v2/models/{model}/config",                   with(model_config),     Role::kViewer,   kInline,   kNoBody,      "Triton's model configuration"},
    {Method::kGet,  "/v2/models/{model}/versions/{version}/config", with(model_config),    Role::kViewer,   kInline,   kNoBody,      "Triton's model configuration of a version"},
    {Method::kGet,  "/v2/models/{model}/stats",                    with(model_statistics), Role::kViewer,   kInline,   kNoBody,      "Open Inference Protocol: statistics of a model"},
    {Method::kGet,  "/v2/models/{model}/versions/{version}/stats", with(model_statistics), Role::kViewer,   kInline,   kNoBody,      "Open Inference Protocol: statistics of a version"},
    {Method::kPost, "/v2/models/{model}/infer",                    predicts(infer, refuse_unrecorded_inference), Role::kViewer,   kBlocking, kServerLimit, "Open Inference Protocol: predict; JSON or binary tensors"},
    {Method::kPost, "/v2/models/{model}/versions/{version}/infer", predicts(infer, refuse_unrecorded_inference), Role::kViewer,   kBlocking, kServerLimit, "Open Inference Protocol: predict with a version"},
    {Method::kPost, "/v2/repository/index",                        with(repository_index), Role::kViewer,   kInline,   kNoBody,      "Triton's model repository: what is loaded"},
    {Method::kPost, "/v2/repository/models/{model}/load",          with(repository_load),  Role::kOperator, kInline,   kNoBody,      "Triton's model repository: 200 when the model is live"},
    {Method::kPost, "/v2/repository/models/{model}/unload",        with(repository_unload), Role::kOperator, kInline,  kNoBody,      "Triton's model repository: refused, the registry's alias decides"},
    // KServe V1
    {Method::kGet,  "/v1/models",                   with(list_models),      Role::kViewer,   kInline,   kNoBody,      "KServe V1: names of the models"},
    {Method::kGet,  "/v1/models/{model}",           with(model_ready),   Role::kAnyone,   kInline,   kNoBody,      "KServe V1: whether a model is live"},
    {Method::kPost, "/v1/models/{model}",           predicts(v1_model_verb, refuse_unrecorded_inference), Role::kViewer,   kBlocking, kServerLimit, "KServe V1: {model}:predict and {model}:explain"},
    // MLflow scoring
    {Method::kPost, "/invocations",                 predicts(invocations, refuse_unrecorded_scoring), Role::kViewer,   kBlocking, kServerLimit, "MLflow scoring: predict from a DataFrame as JSON or CSV"},
    {Method::kGet,  "/ping",                        with(ping),             Role::kAnyone,   kInline,   kNoBody,      "MLflow scoring: 200 when a model is live"},
    {Method::kGet,  "/version",                     mlflow_version,         Role::kAnyone,   kInline,   kNoBody,      "The MLflow release whose interfaces are spoken"},
    {Method::kGet,  "/metrics",                     with(metrics),          Role::kViewer,   kBlocking, kNoBody,      "Metrics in Prometheus text format", kEssential},
    {Method::kGet,  "/openapi.json",                with_table(openapi),    Role::kAnyone,   kBlocking, kNoBody,      "This interface as an OpenAPI 3.1 document"},
    {Method::kGet,  "/docs",                        docs_page,              Role::kAnyone,   kInline,   kNoBody,      "This interface in the browser (Swagger UI)"},
    {Method::kGet,  "/docs/start.js",               docs_start,             Role::kAnyone,   kInline,   kNoBody,      ""},
    {Method::kGet,  "/docs/swagger-ui.css",         docs_css,               Role::kAnyone,   kBlocking, kNoBody,      ""},
    {Method::kGet,  "/docs/swagger-ui-bundle.js",   docs_js,                Role::kAnyone,   kBlocking, kNoBody,      ""},
    {Method::kGet,  "/floor",                       with(floor_answer),     Role::kAnyone,   kInline,   kNoBody,      "A fixed answer, for measuring what HTTP alone costs"},
    {Method::kPost, "/floor",                       with(floor_answer),     Role::kAnyone,   kInline,   kFloorBody, "A fixed answer to any body, for measuring what HTTP alone costs"},
    {Method::kGet,  "/",                            with_table(index_page), Role::kAnyone,   kInline,   kNoBody,      ""},
  };
  // clang-format on
  if (services.mlflow != nullptr) mlflow::add_routes(*services.mlflow, routes);
  if (services.answers != nullptr) make_idempotent(*services.answers, routes);
  for (const net::Route& route : routes) {
    if (route.summary.empty()) continue;  // parts of pages
    listed->push_back(
        {route.method, std::string(route.path), std::string(route.summary), route.role});
  }
  guard_routes({.guard = services.guard,
                .model = services.model,
                .has_rate_fields = services.has_rate_fields,
                .origins = services.cors_origins,
                .hosts = services.hosts,
                .proxies = &services.proxies},
               routes);
  return routes;
}

}  // namespace tenure::api
