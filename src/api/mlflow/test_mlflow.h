#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mlflow/mlflow_services.h"
#include "core/assert.h"
#include "core/json.h"
#include "storage/objects/local_object_store.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::api::mlflow {

/// A request for what `target` names, its path and query told apart.
inline net::Request request_for(net::Method method, std::string_view target) {
  const std::size_t path_end = std::min(target.find('?'), target.size());
  net::Request request;
  request.method = method;
  request.target = target;
  request.path = target.substr(0, path_end);
  request.query = target.substr(std::min(path_end + 1, target.size()));
  return request;
}

/// For tests: routes of the MLflow protocol over a temporary SQLite database and folder, called
/// without sockets.
///
///   TestMlflow server({tracking_routes});
///   server.post("/api/2.0/mlflow/runs/create", R"({"experiment_id": "0"})");
class TestMlflow {
 public:
  static constexpr core::Micros kNow = 1'700'000'000'000'000;
  using Routes = std::vector<net::Route> (*)(const MlflowServices&);

  explicit TestMlflow(std::initializer_list<Routes> groups, std::string ui_folder = {},
                      tracking::ApprovalPolicy policy = {})
      : database_(must(storage::open_database("sqlite:///t.db", folder_.path().string()))),
        proxied_(must(storage::open_local_object_store(folder_.path() / "artifacts"))),
        experiments_(*database_, clock_, "mlflow-artifacts:/"),
        runs_(*database_, clock_),
        logged_models_(*database_, clock_),
        registry_(*database_, clock_, std::move(policy)),
        artifacts_(*proxied_, {folder_.path().string(), "s3://bkt"}),
        services_{.clock = clock_,
                  .database = *database_,
                  .experiments = experiments_,
                  .runs = runs_,
                  .logged_models = logged_models_,
                  .registry = registry_,
                  .artifacts = artifacts_,
                  .ui_folder = std::move(ui_folder)},
        router_(all_routes(groups, *database_, services_)) {
    TENURE_ASSERT(experiments_.get("0"));
  }

  /// `target` may have a query. A body goes with `content_type`.
  net::Response send(net::Method method, std::string_view target, std::string_view body = {},
                     std::string_view content_type = "application/json") const {
    net::Request request = request_for(method, target);
    request.body = body;
    request.content_type = content_type;
    request.remote = "127.0.0.1:50000";
    request.request_id = "test";
    request.principal = principal_;
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    const net::Router::Match match = router_.match(method, request.path, parameters);
    net::Response response;
    if (!match.route) {
      response.status = match.is_path_known ? 405 : 404;
      return response;
    }
    request.path_parameters = parameters;
    match.route->handler(request, response);
    return response;
  }
  net::Response get(std::string_view target) const {
    return send(net::Method::kGet, target, {}, {});
  }
  net::Response post(std::string_view target, std::string_view body) const {
    return send(net::Method::kPost, target, body);
  }

  static core::Json json(const net::Response& response) {
    return must(core::parse_json(response.body));
  }
  /// "INVALID_PARAMETER_VALUE: the message", as MLflow's client raises it; "" of an answer.
  static std::string error(const net::Response& response) {
    if (response.status == 200) return {};
    const core::Json body = json(response);
    return must(core::json_text(body, "error_code")) + ": " +
           must(core::json_text(body, "message"));
  }

  /// Whose token the requests from now on bear; "" = none.
  void act_as(std::string name) { principal_ = std::move(name); }

  const MlflowServices& services() const { return services_; }
  core::ManualClock& clock() { return clock_; }
  const net::Router& router() const { return router_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  template <class T>
  static T must(core::Result<T> result) {
    TENURE_ASSERT(result);
    return *std::move(result);
  }
  static std::vector<net::Route> all_routes(std::initializer_list<Routes> groups,
                                            storage::Database& database,
                                            const MlflowServices& services) {
    TENURE_ASSERT(tracking::prepare_schema(database, kNow));
    std::vector<net::Route> all;
    for (const Routes group : groups) {
      for (net::Route& route : group(services)) all.push_back(std::move(route));
    }
    return all;
  }

  std::string principal_;
  storage::testing::TemporaryFolder folder_;
  core::ManualClock clock_{kNow};
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::ObjectStore> proxied_;
  tracking::ExperimentStore experiments_;
  tracking::RunStore runs_;
  tracking::LoggedModelStore logged_models_;
  tracking::Registry registry_;
  tracking::ArtifactLocator artifacts_;
  MlflowServices services_;
  net::Router router_;
};

}  // namespace tenure::api::mlflow
