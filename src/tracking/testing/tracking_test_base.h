#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "storage/testing/temporary_folder.h"
#include "storage/testing/test_database.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/run.h"
#include "tracking/testing/mlflow3_tables.h"

namespace tenure::tracking::testing {

/// A prepared database with a clock that stands still.
class TrackingTestBase : public ::testing::Test {
 protected:
  static constexpr core::Micros kNow = 1'700'000'000'000'000;

  void SetUp() override {
    open();
    ASSERT_TRUE(prepare_schema(*database_, kNow));
    ASSERT_TRUE(experiments().get("0"));
  }
  void open() {
    database_ = storage::testing::open_test_database(folder_.path());
  }
  /// Makes of the database what MLflow 3 would, and prepares it again.
  void upgrade() {
    for (const std::string_view statement : kMlflow3Changes) {
      auto done = database_->execute(statement);
      ASSERT_TRUE(done) << done.error().message;
    }
    auto prepared = prepare_schema(*database_, kNow);
    ASSERT_TRUE(prepared) << prepared.error().message;
  }
  tracking::Run new_run() {
    NewRun wanted;
    wanted.start_ms = 7;
    auto run = runs().create(wanted);
    EXPECT_TRUE(run) << run.error().message;
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
