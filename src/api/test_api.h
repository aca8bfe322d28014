#pragma once

#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "api/routes.h"
#include "core/assert.h"
#include "core/config.h"
#include "core/json.h"
#include "decision/policy.h"
#include "decision/recourse.h"
#include "decision/threshold.h"
#include "monitoring/label_store.h"
#include "net/router.h"
#include "serving/model_watcher.h"
#include "serving/predictor.h"
#include "serving/traffic.h"
#include "storage/sql/database.h"
#include "tracking/experiments.h"
#include "tracking/registry.h"

namespace tenure::api {

/// What a request of a test may have beside its path and body.
struct RequestExtra {
  std::string_view query = {};
  std::string_view content_type = {};
  std::vector<net::Request::Header> headers = {};
  std::string_view remote = "127.0.0.1:50000";
  core::Micros age = 0;  ///< since its first byte came
  core::TraceContext trace = {};
  bool can_be_moved = false;  ///< as on an event loop
};

/// What a test wants beside the handlers; by default nothing.
struct TestOptions {
  auth::Guard* guard = nullptr;
  std::vector<std::string> origins = {};
  AnswerMemory* answers = nullptr;
  serving::AnswerGate* answer_gate = nullptr;
  /// So many of 10,000 customers are answered by version 8, once serve_canary() was called.
  std::uint32_t canary_slots = 0;
  bool has_labels = false;  ///< labels can be told
};

/// For tests: the whole route table over a real predictor, called without sockets.
class TestApi {
 public:
  static constexpr core::Micros kNow = 1'704'412'800'000'000;  // 2024-01-05T00:00:00Z

  explicit TestApi(std::int64_t rows_max = 100, const TestOptions& options = {})
      : clock_(kNow),
        database_(must(storage::open_database("sqlite://:memory:", "."))),
        registry_(*database_, clock_),
        traffic_(options.canary_slots == 0 ? nullptr : make_traffic(options.canary_slots)),
        predictor_(traffic_ ? traffic_->champion_collaborators()
                            : serving::Predictor::Collaborators{clock_, metrics_, nullptr}),
        other_(
            {.clock = clock_, .metrics = metrics_, .identity = {.model = "upsell", .variant = {}}}),
        other_watcher_({.model = "upsell"}, registry_, other_,
                       [](const tracking::ModelVersion&)
                           -> core::Result<std::shared_ptr<const serving::ModelSnapshot>> {
                         return core::Error{core::ErrorCode::kCorruption, "a damaged package"};
                       }),
        watcher_({.model = "churn"}, registry_, predictor_,
                 [](const tracking::ModelVersion&)
                     -> core::Result<std::shared_ptr<const serving::ModelSnapshot>> {
                   return core::Error{core::ErrorCode::kNotFound, "no package in this test"};
                 }),
        services_{.clock = clock_,
                  .metrics = metrics_,
                  .predictor = predictor_,
                  .watcher = watcher_,
                  .is_draining = is_draining_,
                  .project = "te<st",
                  .program_version = "1.2.3",
                  .rows_max = rows_max,
                  .reason_texts = {},
                  .answers = options.answers,
                  .model = "churn",
                  .guard = options.guard,
                  .cors_origins = options.origins,
                  .traffic = traffic_.get(),
                  .answer_gate = options.answer_gate},
        router_(make_routes(services_)) {
    if (traffic_) traffic_->attach(predictor_);
    if (!options.has_labels) return;
    TENURE_ASSERT(tracking::prepare_schema(*database_, kNow).has_value());
    TENURE_ASSERT(labels_.prepare().has_value());
    services_.labels = &labels_;
  }

  /// Puts the model with mixed inputs live: tenure (integer), charge (number), plan (category) and
  /// signup (timestamp).
  /// `config` may have decision.actions, decision.offers and decision.threshold.
  void serve_mixed(std::string_view config = "") {
    decision::Threshold threshold;
    if (!config.empty())
      threshold = must(decision::Threshold::from_config(must(core::parse_config(config, {}))));
    const bool is_fixed = threshold.kind == decision::Threshold::Kind::kFixed;
    predictor_.swap(snapshot_of(mixed_model(1, is_fixed ? threshold.value : 0.5), config));
  }

  /// Puts version 8 of the same inputs, whose margins are the opposite, live as the canary.
  void serve_canary() { traffic_->check_arms(); }

  /// Has a second model, 'upsell', beside the main one; not live before serve_other().
  void add_other() { services_.others.push_back({"upsell", other_, other_watcher_}); }
  void serve_other() { other_.swap(snapshot_of(mixed_model(), "", "upsell", 3)); }
  serving::Traffic& traffic() { return *traffic_; }
  tracking::Registry& registry() { return registry_; }
  monitoring::LabelStore& labels() { return labels_; }

  /// Puts a model live whose predictions libxgboost is known to agree with.
  void serve_numbers() { predictor_.swap(snapshot_of(numbers_model())); }

  net::Response ask(net::Method method, std::string_view path, std::string_view body = "",
                    const RequestExtra& extra = {}) {
    std::vector<std::pair<std::string_view, std::string_view>> parameters;
    const net::Router::Match match = router_.match(method, path, parameters);
    net::Response response;
    if (!match.route) {
      response.status = match.is_path_known ? 405 : 404;
      return response;
    }
    net::Request request;
    request.method = method;
    request.target = request.path = path;
    request.body = body;
    request.query = extra.query;
    request.content_type = extra.content_type;
    request.headers = extra.headers;
    request.remote = extra.remote;
    request.request_id = "test";
    request.began_ns = clock_.monotonic_ns() - extra.age * 1000;
    request.trace = extra.trace;
    request.path_parameters = parameters;
    request.can_be_moved = extra.can_be_moved;
    match.route->handler(request, response);
    if (response.rest) {
      ++moves_;
      request.can_be_moved = false;
      std::exchange(response.rest, nullptr)(request, response);
    }
    return response;
  }
  int moves() const { return moves_; }  ///< requests that were left to a worker
  net::Response post(std::string_view path, std::string_view body, const RequestExtra& extra = {}) {
    return ask(net::Method::kPost, path, body, extra);
  }
  net::Response get(std::string_view path) { return ask(net::Method::kGet, path); }

  std::atomic<bool>& is_draining() { return is_draining_; }
  const Services& services() const { return services_; }
  const net::Router& router() const { return router_; }
  std::shared_ptr<const serving::ModelSnapshot> snapshot() const { return predictor_.snapshot(); }

  static core::Json json(const net::Response& response) {
    return must(core::parse_json(response.body));
  }

 private:
  template <typename T>
  static T must(core::Result<T> result) {
    TENURE_ASSERT(result.has_value());
    return std::move(*result);
  }

  static std::shared_ptr<const serving::ModelSnapshot> snapshot_of(learn::Model model,
                                                                   std::string_view config = "",
                                                                   std::string name = "churn",
                                                                   std::int64_t version = 7) {
    std::optional<decision::Recourse> recourse;
    std::optional<decision::Policy> policy;
    bool has_own_thresholds = false;
    if (!config.empty()) {
      std::vector<decision::Vocabulary::Feature> inputs;
      for (const learn::InputField& input : model.transform().inputs())
        inputs.push_back({input.name, decision::value_type_of(input.type)});
      const core::Config parsed = must(core::parse_config(config, {}));
      recourse = must(decision::Recourse::from_config(parsed, inputs));
      policy = must(decision::Policy::from_config(parsed, inputs, 0.5));
      has_own_thresholds =
          must(decision::Threshold::from_config(parsed)).kind == decision::Threshold::Kind::kProfit;
      if (policy->offers().empty()) policy.reset();
    }
    return must(serving::ModelSnapshot::make({.name = std::move(name),
                                              .version = version,
                                              .run_id = "run1",
                                              .loaded = kNow,
                                              .sha256 = "abc123",
                                              .model = std::move(model),
                                              .policy = std::move(policy),
                                              .has_own_thresholds = has_own_thresholds,
                                              .recourse = std::move(recourse)}));
  }

  static learn::Transform fit(const std::vector<learn::InputField>& inputs,
                              const data::Table& table) {
    std::vector<std::uint32_t> rows(table.row_count());
    std::iota(rows.begin(), rows.end(), 0U);
    return must(learn::Transform::fit({}, inputs, table, rows));
  }

  std::unique_ptr<serving::Traffic> make_traffic(std::uint32_t slots) {
    const tracking::Change change{"test", "because", nullptr};
    TENURE_ASSERT(tracking::prepare_schema(*database_, kNow).has_value());
    TENURE_ASSERT(registry_.create_model_if_missing("churn", change).has_value());
    for (int i = 0; i < 8; ++i)
      must(registry_.create_version("churn", "file:///nowhere", "run", {}, change));
    return std::make_unique<serving::Traffic>(
        serving::Traffic::Options{
            .champion = {.model = "churn"},
            .shares = {.salt = "", .arms = {{.name = "canary", .version = 8, .slots = slots}}}},
        serving::Traffic::Collaborators{
            .clock = clock_,
            .metrics = metrics_,
            .registry = registry_,
            .loader = [](const tracking::ModelVersion&)
                -> core::Result<std::shared_ptr<const serving::ModelSnapshot>> {
              return snapshot_of(mixed_model(-1), "", "churn", 8);
            }});
  }

  static learn::Model mixed_model(int margin = 1, double threshold = 0.5) {
    using data::Column;
    using data::ColumnType;
    const data::Table table{.columns = {Column::of_integers("tenure", {1, 2, 30}),
                                        Column::of_numbers("charge", {10.5, 20, 30}),
                                        Column::of_texts("plan", {"Basic", "Pro", "Basic"}),
                                        Column::of_timestamps("signup", {kNow, kNow, kNow})}};
    learn::Transform transform = fit({{"tenure", ColumnType::kInteger},
                                      {"charge", ColumnType::kNumber},
                                      {"plan", ColumnType::kText},
                                      {"signup", ColumnType::kTimestamp}},
                                     table);
    std::string names;
    for (const std::string& name : transform.outputs()) {
      names += (names.empty() ? "\"" : ",\"") + name + '"';
    }
    // One split: tenure < 10.5 gives the margin, else its opposite.
    const std::string trees = fmt::format(
        R"({{"learner":{{"attributes":{{}},"feature_names":[{}],"feature_types":[],"gradient_booster":{{"model":{{"gbtree_model_param":{{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"}},"tree_info":[0],"trees":[{{"id":0,"tree_param":{{"num_deleted":"0","num_feature":"{}","num_nodes":"3","size_leaf_vector":"0"}},"parents":[2147483647,0,0],"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[0,0,0],"split_conditions":[10.5,{}.0,{}.0],"default_left":[1,0,0],"split_type":[0,0,0],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"base_weights":[0,1,-1],"loss_changes":[1,0,0],"sum_hessian":[2,1,1]}}]}},"name":"gbtree"}},"learner_model_param":{{"base_score":"5E-1","num_class":"0","num_feature":"{}"}},"objective":{{"name":"binary:logistic","reg_loss_param":{{"scale_pos_weight":"1"}}}}}},"version":[1,7,4]}})",
        names, transform.outputs().size(), margin, -margin, transform.outputs().size());
    return make_model(std::move(transform), trees, threshold);
  }

  static learn::Model numbers_model() {
    using data::Column;
    constexpr auto kNumber = data::ColumnType::kNumber;
    const data::Table table{
        .columns = {Column::of_numbers("tenure", {1, 2}), Column::of_numbers("charge", {1, 2}),
                    Column::of_numbers("plan", {1, 2}), Column::of_numbers("score", {1, 2})}};
    // Two trees of the small model that the tests of learn/ check against libxgboost.
    constexpr std::string_view kTrees =
        R"json({"learner":{"attributes":{},"feature_names":["tenure","charge","plan","score"],"feature_types":["float","float","float","float"],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"2","size_leaf_vector":"0"},"tree_info":[0,0],"trees":[
{"id":0,"tree_param":{"num_deleted":"0","num_feature":"4","num_nodes":"5","size_leaf_vector":"0"},"parents":[2147483647,0,0,1,1],"left_children":[1,3,-1,-1,-1],"right_children":[2,4,-1,-1,-1],"split_indices":[0,1,0,0,0],"split_conditions":[10.5,0.3,0.4,0.1,-0.2],"default_left":[1,0,0,0,0],"split_type":[0,0,0,0,0],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"base_weights":[0.0,0.0,0.4,0.1,-0.2],"loss_changes":[1.0,1.0,0.0,0.0,0.0],"sum_hessian":[100.0,60.0,40.0,25.0,35.0]},
{"id":1,"tree_param":{"num_deleted":"0","num_feature":"4","num_nodes":"7","size_leaf_vector":"0"},"parents":[2147483647,0,0,1,1,2,2],"left_children":[1,3,5,-1,-1,-1,-1],"right_children":[2,4,6,-1,-1,-1,-1],"split_indices":[0,0,3,0,0,0,0],"split_conditions":[20.0,5.0,-1.5,0.05,-0.07,0.3,-0.33],"default_left":[0,1,0,0,0,0,0],"split_type":[0,0,0,0,0,0,0],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"base_weights":[0.0,0.0,0.0,0.05,-0.07,0.3,-0.33],"loss_changes":[1.0,1.0,1.0,0.0,0.0,0.0,0.0],"sum_hessian":[100.0,80.0,20.0,50.0,30.0,12.0,8.0]}]},"name":"gbtree"},"learner_model_param":{"base_score":"3.1E-1","boost_from_average":"0","num_class":"0","num_feature":"4","num_target":"1"},"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]})json";
    return make_model(
        fit({{"tenure", kNumber}, {"charge", kNumber}, {"plan", kNumber}, {"score", kNumber}},
            table),
        kTrees);
  }

  static learn::Model make_model(learn::Transform transform, std::string_view trees,
                                 double threshold = 0.5) {
    learn::ModelFacts facts;
    facts.threshold = threshold;
    facts.base_rate = 0.265;
    return must(
        learn::Model::make(facts, std::move(transform), must(learn::TreeModel::load(trees))));
  }

  core::ManualClock clock_;
  core::MetricRegistry metrics_;
  std::unique_ptr<storage::Database> database_;
  tracking::Registry registry_;
  int moves_ = 0;
  monitoring::LabelStore labels_{*database_, clock_};
  std::unique_ptr<serving::Traffic> traffic_;
  serving::Predictor predictor_;
  serving::Predictor other_;
  serving::ModelWatcher other_watcher_;
  serving::ModelWatcher watcher_;
  std::atomic<bool> is_draining_{false};
  Services services_;
  net::Router router_;
};

}  // namespace tenure::api
