// SPDX-License-Identifier: MIT
// `bluefin status --json`
#include <string>

#include "status_model.hpp"

namespace bluefin::cli {
namespace {

Tree tree_of(const SlotIdle& idle) {
  Tree tree = {{"trials", idle.trials},
               {"gaps", idle.gaps},
               {"idle_share", idle.share()},
               {"gap_p50_seconds", idle.p50_seconds},
               {"gap_p95_seconds", idle.p95_seconds}};
  if (!idle.slot.empty()) tree["slot"] = idle.slot;
  return tree;
}

Tree study_tree(const Status& status) {
  Tree directions = Tree::array();
  for (const Direction direction : status.directions) {
    directions.push_back(direction == Direction::kMaximize ? "maximize" : "minimize");
  }
  Tree best = nullptr;
  Tree curve = Tree::array();
  for (const BestPoint& point : status.curve) {
    curve.push_back({{"trial", point.number}, {"value", point.value}});
  }
  if (!status.curve.empty()) best = curve.back();
  return {{"name", status.study},
          {"storage", status.storage},
          {"directions", directions},
          {"sampler", status.sampler},
          {"pruner", status.pruner},
          {"trials",
           {{"complete", status.complete},
            {"pruned", status.pruned},
            {"fail", status.failed},
            {"running", status.running},
            {"waiting", status.queued.size()}}},
          {"queued", status.queued},
          {"best", best},
          {"best_so_far", curve}};
}

Tree run_tree(const RunRecord& run, const Status& status) {
  Tree slots = Tree::array();
  for (const SlotIdle& slot : run.idle_slots) {
    slots.push_back(tree_of(slot));
  }
  return {{"pid", run.pid},
          {"user", or_null(run.user)},
          {"workers", run.workers},
          {"elapsed_seconds", static_cast<double>(status.now_ns - run.since_ns) / 1e9},
          {"silent_seconds", static_cast<double>(status.now_ns - run.at_ns) / 1e9},
          {"finished", run.finished},
          {"n_trials", or_null(run.n_trials)},
          {"idle", tree_of(run.idle)},
          {"slots", slots}};
}

Tree row_tree(const StatusRow& row) {
  Tree last = nullptr;
  if (row.last) last = {{"step", row.last->step}, {"value", row.last->value}, {"median", or_null(row.median)}};
  return {{"slot", or_null(row.place)},
          {"run", row.run > 0 ? Tree(row.run) : Tree(nullptr)},
          {"trial", or_null(row.trial)},
          {"taken_by", or_null(row.taken_by)},
          {"ending", row.ending},
          {"elapsed_seconds", or_null(row.elapsed)},
          {"last_report", last},
          {"peak_host_bytes", or_null(row.host_memory)},
          {"memory_used_bytes", or_null(row.gpu_memory_used)},
          {"memory_total_bytes", or_null(row.gpu_memory_total)},
          {"utilisation", or_null(row.utilisation)},
          {"power_watts", or_null(row.power_watts)}};
}

}  // namespace

Tree status_json(const Status& status) {
  Tree runs = Tree::array();
  for (const RunRecord& run : status.runs) {
    runs.push_back(run_tree(run, status));
  }
  Tree rows = Tree::array();
  for (const StatusRow& row : status.rows) {
    rows.push_back(row_tree(row));
  }
  Tree waits = Tree::array();
  for (const StatusWait& wait : status.waits) {
    const std::string who = wait.study.empty() ? wait.who : wait.who + ", study " + wait.study;
    waits.push_back({{"who", who}, {"trials", wait.trials}, {"reason", wait.reason}});
  }
  return {{"study", status.readable ? study_tree(status) : Tree{{"name", status.study}, {"storage", status.storage}}},
          {"runs", runs},
          {"slots", rows},
          {"waits", waits},
          {"problem", or_null(status.problem)}};
}

}  // namespace bluefin::cli
