#pragma once

#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/metric.h"
#include "features/online_store.h"
#include "learn/secondary_model.h"
#include "learn/xgboost_trainer.h"
#include "serving/predictor.h"
#include "storage/kv/kv_store.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::serving::testing {

template <typename T>
T must(core::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

/// A store that can be told to fail, or to give damaged bytes for one customer.
class FaultyStore final : public storage::KvStore {
 public:
  explicit FaultyStore(std::unique_ptr<storage::KvStore> inner) : inner_(std::move(inner)) {}

  bool is_away = false;
  std::function<void()> on_read = [] {};  ///< what happens while it is read
  std::string damaged;                    ///< keys that contain this give garbage

  core::Result<> get(
      std::span<const std::string_view> keys,
      const std::function<void(std::size_t, std::optional<std::string_view>)>& visit) override {
    ++reads;
    on_read();
    if (is_away) return core::Error{core::ErrorCode::kUnavailable, "the store is away"};
    if (damaged.empty()) return inner_->get(keys, visit);
    return inner_->get(keys, [&](std::size_t i, std::optional<std::string_view> value) {
      const bool is_hit = value && keys[i].find(damaged) != std::string_view::npos;
      visit(i, is_hit ? std::optional<std::string_view>("garbage") : value);
    });
  }
  core::Result<> put(std::span<const storage::KvEntry> entries) override {
    return inner_->put(entries);
  }
  core::Result<> update(
      std::span<const std::string_view> keys,
      const std::function<std::optional<std::string>(std::size_t, std::optional<std::string_view>)>&
          decide) override {
    return inner_->update(keys, decide);
  }
  core::Result<> erase(std::span<const std::string_view> keys) override {
    return inner_->erase(keys);
  }
  core::Result<> scan(std::string_view prefix,
                      const std::function<bool(storage::KvEntry)>& visit) override {
    return inner_->scan(prefix, visit);
  }
  core::Result<std::uint64_t> count() override { return inner_->count(); }

  int reads = 0;

 private:
  std::unique_ptr<storage::KvStore> inner_;
};

/// Two inputs, `plan` (category) and `age` (number), in the view `profile` of an LMDB store, with
/// customers C-1 to C-3, and a model trained on them that prefers plan b. Beside it a view `usage`
/// with `calls`, for a model of three inputs.
class ServedWorld {
 public:
  static constexpr core::Micros kNow = 1'700'000'000'000'000;
  static constexpr core::Micros kRowTime = kNow - 3'600'000'000;

  ServedWorld() {
    definitions.project = "test";
    definitions.entities = {{"customer", "customer_id", data::ColumnType::kText}};
    features::FeatureView view;
    view.name = "profile";
    view.entity = "customer";
    view.timestamp_column = "event_timestamp";
    view.features = {{"plan", "plan", data::ColumnType::kText},
                     {"age", "age", data::ColumnType::kNumber}};
    features::FeatureView usage;
    usage.name = "usage";
    usage.entity = "customer";
    usage.timestamp_column = "event_timestamp";
    usage.features = {{"calls", "calls", data::ColumnType::kNumber}};
    definitions.views = {std::move(view), std::move(usage)};
    definitions.services = {
        {"default", {{"profile", "plan"}, {"profile", "age"}}},
        {"wide", {{"usage", "calls"}, {"profile", "age"}, {"profile", "plan"}}}};
    data::Table rows{.columns = {data::Column::of_texts("customer_id", {"C-1", "C-2", "C-3"}),
                                 data::Column::of_timestamps(
                                     "event_timestamp", {kRowTime, kRowTime + 1, kRowTime + 2}),
                                 data::Column::of_texts("plan", {"a", "b", "a"}),
                                 data::Column::of_numbers("age", {1, 2, 3}),
                                 data::Column::of_numbers("calls", {0, 10, 10})}};
    must(features::write_online(store, definitions, definitions.views[0], rows));
    must(features::write_online(store, definitions, definitions.views[1], rows));
  }

  learn::Model model() const {
    const data::Table table{
        .columns = {data::Column::of_texts("plan", {"a", "b", "a", "b", "a", "b"}),
                    data::Column::of_numbers("age", {1, 2, 3, 4, 5, 6})}};
    const std::vector<learn::InputField> inputs = {
        {.name = "plan", .type = data::ColumnType::kText},
        {.name = "age", .type = data::ColumnType::kNumber}};
    std::vector<std::uint32_t> rows(6);
    std::iota(rows.begin(), rows.end(), 0U);
    auto transform = must(learn::Transform::fit({}, inputs, table, rows));
    const std::vector<std::uint8_t> labels = {0, 1, 0, 1, 0, 1};
    const auto matrix = must(learn::XgboostMatrix::make(must(transform.apply(table)), labels, 1));
    const learn::BoostingPlan plan{.params = {{"min_child_weight", "0"}}, .rounds = 5};
    const auto booster = must(learn::XgboostBooster::train(plan, matrix, nullptr));
    auto trees = must(learn::TreeModel::load(must(booster.to_ubj(transform.outputs()))));
    learn::ModelFacts facts;
    facts.refs = {"profile:plan", "profile:age"};
    facts.base_rate = 0.25;
    facts.null_values = null_values;
    facts.null_markers = null_markers;
    return must(learn::Model::make(std::move(facts), std::move(transform), std::move(trees)));
  }

  /// One with other inputs in another order, `calls`, `age`, `plan`, that minds `calls` most.
  learn::Model wide_model() const {
    const data::Table table{
        .columns = {data::Column::of_numbers("calls", {0, 10, 0, 10, 0, 10}),
                    data::Column::of_numbers("age", {1, 2, 3, 4, 5, 6}),
                    data::Column::of_texts("plan", {"a", "b", "b", "a", "a", "b"})}};
    const std::vector<learn::InputField> inputs = {
        {.name = "calls", .type = data::ColumnType::kNumber},
        {.name = "age", .type = data::ColumnType::kNumber},
        {.name = "plan", .type = data::ColumnType::kText}};
    const std::vector<std::uint8_t> labels = {0, 1, 0, 1, 0, 1};
    auto trained = must(learn::train_secondary(inputs, table, labels, 1, 1));
    auto weights = must(learn::TreeModel::load(trained.xgboost_ubj));
    learn::ModelFacts facts;
    facts.refs = {"usage:calls", "profile:age", "profile:plan"};
    return must(
        learn::Model::make(std::move(facts), std::move(trained.transform), std::move(weights)));
  }

  ModelSnapshot::Parts wide_parts(std::int64_t version, bool has_reader = true) {
    auto wide = parts(version, false);
    wide.model = wide_model();
    if (has_reader)
      wide.reader = must(features::OnlineReader::make(store, definitions, definitions.services[1]));
    return wide;
  }

  /// A logistic regression over the same inputs.
  learn::Model secondary() const {
    const data::Table table{
        .columns = {data::Column::of_texts("plan", {"a", "b", "a", "b", "a", "b"}),
                    data::Column::of_numbers("age", {1, 2, 3, 4, 5, 6})}};
    const std::vector<learn::InputField> inputs = {
        {.name = "plan", .type = data::ColumnType::kText},
        {.name = "age", .type = data::ColumnType::kNumber}};
    const std::vector<std::uint8_t> labels = {0, 1, 0, 1, 1, 0};
    auto trained = must(learn::train_secondary(inputs, table, labels, 1, 1));
    auto weights = must(learn::TreeModel::load(trained.xgboost_ubj));
    return must(learn::Model::make({}, std::move(trained.transform), std::move(weights)));
  }

  std::shared_ptr<const ModelSnapshot> snapshot(std::int64_t version, bool has_reader = true) {
    return must(ModelSnapshot::make(parts(version, has_reader)));
  }

  ModelSnapshot::Parts parts(std::int64_t version, bool has_reader = true) {
    std::optional<features::OnlineReader> reader;
    if (has_reader) {
      reader = must(features::OnlineReader::make(store, definitions, definitions.services[0]));
    }
    return {.name = "churn",
            .version = version,
            .run_id = "run",
            .loaded = kNow,
            .sha256 = "sha",
            .model = model(),
            .reader = std::move(reader)};
  }

  storage::testing::TemporaryFolder folder;
  FaultyStore store{must(storage::open_kv_store("lmdb:///online", folder.path().string()))};
  features::Definitions definitions;
  std::map<std::string, std::string> null_values;  ///< of the model that snapshot() makes
  std::map<std::string, std::vector<std::string>> null_markers;  ///< likewise
  core::ManualClock clock{kNow};
  core::MetricRegistry metrics;
};

}  // namespace tenure::serving::testing
