//! What every backend of the store must do, whatever it keeps its objects in.
//!
//! A backend joins by one line of `contract!` with a function that opens an empty store.

mod backend;
mod cases;
mod model;

use backend::memory;
use backend::sqlite;

macro_rules! contract {
    ($($backend:ident = $open:ident),+; $cases:tt) => {
        $(contract!(@one $backend, $open, $cases);)+
    };
    (@one $backend:ident, $open:expr, [$($case:ident),+ $(,)?]) => {
        mod $backend {
            use super::*;

            $(#[tokio::test]
            async fn $case() {
                cases::$case($open).await;
            })+

            #[test]
            fn any_commits_leave_what_the_model_says() {
                model::check($open);
            }
        }
    };
}

contract!(
    in_memory = memory, in_sqlite = sqlite;
    [
        a_created_object_gets_its_identity,
        a_name_is_completed_until_it_is_free,
        an_object_needs_a_name_that_is_free,
        a_status_is_never_created,
        an_update_changes_desired_state_only,
        a_status_update_changes_status_only,
        only_desired_state_makes_a_generation,
        what_changes_nothing_writes_nothing,
        stale_writes_are_refused,
        a_deletion_can_ask_for_an_identity,
        what_is_held_goes_when_the_last_finalizer_does,
        a_commit_happens_only_if_what_it_asserts_holds,
        a_dry_run_answers_as_a_commit_and_changes_nothing,
        large_data_leaves_the_past_sooner,
        versions_grow_and_are_never_used_again,
        a_commit_happens_whole_or_not_at_all,
        a_commit_sees_its_own_writes,
        admission_defaults_and_refuses,
        a_fault_of_admission_costs_one_commit,
        a_list_is_sorted_and_of_one_namespace,
        a_watch_without_version_starts_with_what_exists,
        a_watch_from_a_list_misses_nothing,
        a_watch_filters_by_kind_and_namespace,
        an_unknown_version_is_gone,
        large_objects_leave_the_past_sooner,
        a_slow_watcher_is_cut_off_and_harms_nobody,
        concurrent_writers_lose_no_change,
    ]
);
