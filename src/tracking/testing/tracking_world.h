#pragma once

#include <memory>
#include <string>

#include "core/assert.h"
#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/run.h"
#include "tracking/testing/mlflow3_tables.h"

namespace tenure::tracking::testing {

/// A prepared database with experiment 0 and a clock that stands still, for tests.
class TrackingWorld {
 protected:
  static constexpr core::Micros kNow = 1'700'000'000'000'000;

  TrackingWorld() {
    open();
    TENURE_ASSERT(prepare_schema(*database_, kNow).has_value());
    TENURE_ASSERT(experiments().get("0").has_value());
  }
  void open() { database_ = storage::testing::open_test_database(folder_.path()); }
  /// Makes of the database what MLflow 3 would, and prepares it again.
  void upgrade() {
    for (const std::string_view statement : kMlflow3Changes)
      TENURE_ASSERT(database_->execute(statement).has_value());
    TENURE_ASSERT(prepare_schema(*database_, kNow).has_value());
  }
  tracking::Run new_run() {
    NewRun wanted;
    wanted.start_ms = 7;
    auto run = runs().create(wanted);
    TENURE_ASSERT(run.has_value());
    return *run;
  }
  ExperimentStore experiments() { return {*database_, clock_, "file:///art/"}; }
  RunStore runs() { return {*database_, clock_}; }
  LoggedModelStore models() { return {*database_, clock_}; }
  std::int64_t number(std::string_view sql) { return database_->query(sql)->front().integer(0); }

  template <class T>
  static std::string message_of(const core::Result<T>& result) {
    return result ? "" : result.error().message;
  }
  template <class T>
  static core::ErrorCode code_of(const core::Result<T>& result) {
    return result ? core::ErrorCode::kInternal : result.error().code;
  }

  storage::testing::TemporaryFolder folder_;
  core::ManualClock clock_{kNow};
  std::unique_ptr<storage::Database> database_;
};

}  // namespace tenure::tracking::testing
