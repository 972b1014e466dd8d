//! The bugs of other clients, one row each, with the tests that keep them out of ours; and what keeps this table true.

mod client;
mod network;

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

/// How a bug is kept out: by these tests; each fails if the bug is let in.
struct Tests(&'static [&'static str]);

/// Number in the list of bugs, the project's name in those of tests, its issues or commits, and how they are kept out.
#[rustfmt::skip]
const BUGS: &[(u8, &str, &[&str], Tests)] = &[
    // A second call with other credentials was ignored: tokens were not kept by credential.
    (1, "roci", &["221"], Tests(&[
        "roci_221_a_token_belongs_to_its_credential",
        "roci_221_two_identities_for_one_host_and_several_hosts_work_in_one_run"])),
    // A public pull from GHCR was refused: without a credential no token was asked for.
    (2, "roci", &["14"], Tests(&[
        "roci_14_anonymous_asks_for_a_token_too", "roci_14_anonymous_pull_makes_the_token_call"])),
    // A corrupted blob was taken.
    (3, "roci", &["149", "152"], Tests(&["roci_149_152_oras_go_1185_a_wrong_blob_is_refused_and_leaves_nothing"])),
    // A manifest that ECR stored counted as failed: no Location came with the answer.
    (4, "roci", &["40"], Tests(&["roci_40_a_stored_manifest_needs_no_location_and_m31_no_other_digest"])),
    // 411 of GAR: a POST without Content-Length.
    (5, "roci", &["176"], Tests(&[
        "roci_176_tart_179_krustlet_670_regclient_32d63bb_a_small_blob_is_one_post_and_one_put"])),
    // A part of a blob was held to the digest of the whole.
    (6, "roci", &["171"], Tests(&["roci_171_a_part_is_not_held_to_the_digest_of_the_whole"])),
    // No fallback where a registry has no referrers API.
    (7, "roci", &["259"], Tests(&["roci_259_ggcr_2026_no_api_in_whatever_form_is_the_fallback_tag"])),
    // A filter for an artifact type with `+` was sent as it is.
    (7, "roci", &["4a36f02"], Tests(&["roci_4a36f02_the_filter_is_encoded_and_done_here_too"])),
    // The last bytes of a file were lost: the writer was not flushed.
    (8, "roci", &["62a2f16"], Tests(&[
        "oras_go_1153_1223_helm_32247_roci_62a2f16_a_large_blob_is_whole_to_its_last_byte"])),
    // `tags: null` was not understood.
    (9, "roci", &["779dfe6"], Tests(&["roci_779dfe6_tags_may_be_null_and_pages_of_ggcr_1091_size_follow_links"])),
    // A panic on a push by digest without Location; the token sent to wherever a Location led; empty blobs refused;
    // Link and OCI-Chunk-Min-Length not read; secrets shown by Debug.
    (10, "roci", &["code", "5d50bef"], Tests(&[
        "roci_code_a_push_by_digest_needs_no_location",
        "m7_m8_roci_code_an_upload_stays_with_its_registry", "m07_an_upload_that_is_led_to_another_origin",
        "roci_code_an_empty_blob_is_sent", "roci_code_a_blob_may_be_empty",
        "roci_779dfe6_tags_may_be_null_and_pages_of_ggcr_1091_size_follow_links",
        "tart_159_chunks_where_a_minimum_is_announced_and_the_last_bytes_ride_in_the_put",
        "roci_5d50bef_debug_shows_no_secret"])),
    // `?digest=` joined wrongly to a Location with a query; 406 for the Accept of an upload.
    (11, "krustlet", &["617", "670"], Tests(&[
        "krustlet_617_digest_joins_the_query_that_is_there",
        "roci_176_tart_179_krustlet_670_regclient_32d63bb_a_small_blob_is_one_post_and_one_put"])),
    // Bearer was taken for granted (ECR is Basic); a relative realm panicked.
    (12, "krustlet", &["665", "469"], Tests(&[
        "rattler_2624_krustlet_665_basic_alone_is_enough",
        "krustlet_469_and_regclient_28_a_realm_may_be_relative_and_stand_alone"])),
    (12, "rattler", &["2624"], Tests(&["rattler_2624_krustlet_665_basic_alone_is_enough"])),
    // 401 in an upload ended the push: the body could not be sent again.
    (13, "oras", &["456"], Tests(&[
        "oras_456_oras_go_97_a_token_that_ends_in_mid_run_is_renewed_once_and_the_body_sent_again",
        "oras_456_a_token_that_ends_during_an_upload_is_renewed_and_the_body_sent_again"])),
    (13, "oras_go", &["97"], Tests(&[
        "oras_456_oras_go_97_a_token_that_ends_in_mid_run_is_renewed_once_and_the_body_sent_again"])),
    // PUT of a manifest refused after an anonymous HEAD had worked.
    (14, "oras", &["147"], Tests(&["oras_147_containerd_4622_open_reading_says_nothing_about_writing"])),
    (14, "containerd", &["4622"], Tests(&["oras_147_containerd_4622_open_reading_says_nothing_about_writing"])),
    // `:443` in a Location was taken for another host.
    (15, "oras_go", &["177"], Tests(&["oras_go_177_explicit_default_port_is_the_same_origin"])),
    // Harbor's HEAD gives another length than its GET.
    (16, "oras_go", &["1176", "1177"], Tests(&["oras_go_1176_1177_a_head_with_a_wrong_length_refuses_nothing"])),
    // GAR's list of referrers gives wrong sizes.
    (17, "oras", &["1626"], Tests(&[
        "oras_1626_wrong_sizes_refuse_nothing_and_harbor_19690_a_plain_json_type_neither",
        "oras_1626_a_wrong_size_in_the_list_stops_no_pull"])),
    // GitLab's fallback tag led to the subject itself.
    (18, "oras_go", &["1396"], Tests(&["oras_go_1396_gitlab_takes_the_fallback_tag_for_the_subject"])),
    // An index was refused as manifests that were taken to be there were gone.
    (19, "oras_go", &["1212", "1213"], Tests(&[
        "oras_go_1212_1213_what_was_said_to_be_there_and_is_not_is_sent",
        "oras_go_1212_1213_what_was_said_to_be_there_and_is_not_is_copied"])),
    (19, "oras", &["2061"], Tests(&["oras_2061_force_finds_a_blob_that_was_lost"])),
    // A limit for metadata was put to blobs.
    (20, "oras_go", &["1153", "1223"], Tests(&[
        "oras_go_1153_1223_helm_32247_roci_62a2f16_a_large_blob_is_whole_to_its_last_byte"])),
    (20, "helm", &["32247"], Tests(&[
        "oras_go_1153_1223_helm_32247_roci_62a2f16_a_large_blob_is_whole_to_its_last_byte"])),
    // Temporary files were left by a pull that failed.
    (21, "oras_go", &["1185"], Tests(&["roci_149_152_oras_go_1185_a_wrong_blob_is_refused_and_leaves_nothing"])),
    // Registries refuse artifact manifests, and configs of no bytes.
    (22, "oras", &["738", "260"], Tests(&[
        "oras_738_a_registry_that_refuses_the_type_is_told_as_that", "oras_260_no_config_is_of_no_bytes"])),
    // Offsets of chunks believed, or off by one.
    (23, "regclient", &["627", "961", "228"], Tests(&[
        "regclient_627_961_228_a_status_out_of_bounds_is_a_new_session",
        "regclient_228_an_offset_that_only_seems_right_is_found_out"])),
    // Another try sent an empty body; a body without its length.
    (24, "regclient", &["331", "32d63bb"], Tests(&[
        "acr_866_regclient_331_dagger_13749_a_broken_upload_begins_a_new_session_with_all_its_bytes",
        "roci_176_tart_179_krustlet_670_regclient_32d63bb_a_small_blob_is_one_post_and_one_put"])),
    // A challenge without service and scope; scopes that grew with each try.
    (25, "regclient", &["28", "b1960cd"], Tests(&[
        "regclient_28_no_service_no_scope_and_krustlet_469_relative_realm",
        "krustlet_469_and_regclient_28_a_realm_may_be_relative_and_stand_alone",
        "regclient_b1960cd_asking_again_adds_nothing"])),
    // OCI-Tag as a list was misread.
    (26, "regclient", &["93b2bd3"], Tests(&["regclient_93b2bd3_oci_tag_may_be_repeated_or_a_list"])),
    // ECR refuses pages of more than a thousand.
    (27, "ggcr", &["1091"], Tests(&[
        "roci_779dfe6_tags_may_be_null_and_pages_of_ggcr_1091_size_follow_links", "ggcr_1091_pages_are_small_enough"])),
    // A mount that was refused ended the push; repositories of other registries were named as sources.
    (28, "ggcr", &["1393", "1609", "1741"], Tests(&[
        "ggcr_1393_1609_a_refused_mount_is_an_upload", "ggcr_1741_mounts_from_this_registry_alone"])),
    (28, "oras", &["1892", "1924"], Tests(&["oras_1892_1924_where_a_mount_is_denied_the_blob_is_sent"])),
    // ECR refuses HEAD where GET works.
    (29, "ggcr", &["1662"], Tests(&[
        "ggcr_1662_where_head_is_refused_get_is_tried", "ggcr_1662_a_head_that_is_refused_is_followed_by_a_get"])),
    (29, "ggcr", &["2026"], Tests(&["roci_259_ggcr_2026_no_api_in_whatever_form_is_the_fallback_tag"])),
    // Large blobs began anew with each cut; the text of an error was read by the retries and lost.
    (30, "ggcr", &["2084", "2264"], Tests(&[
        "ggcr_2084_a_cut_download_goes_on_where_it_was",
        "ggcr_2084_a_pull_that_is_cut_often_fetches_next_to_nothing_twice",
        "ggcr_2301_429_is_tried_again_and_ggcr_2264_keeps_the_text_of_the_last_answer"])),
    // 429 was final; a first failure to get a token was kept for ever; tasks raced for new scopes.
    (31, "ggcr", &["2301", "2406", "2396"], Tests(&[
        "ggcr_2301_429_is_tried_again_and_ggcr_2264_keeps_the_text_of_the_last_answer",
        "ggcr_2406_a_failure_is_not_kept", "ggcr_2396_a_refused_token_is_renewed_once_for_all_tasks"])),
    // Lost permits ended in a hang; the host's credential was used where the repository has one of its own.
    (32, "ggcr", &["2373", "2411"], Tests(&[
        "ggcr_2373_a_cancelled_wait_loses_no_permit", "ggcr_2411_a_push_uses_the_credential_of_its_repository",
        "roci_221_two_identities_for_one_host_and_several_hosts_work_in_one_run"])),
    // Entries of a fallback index lacked artifact type and annotations.
    (33, "cosign", &["4641"], Tests(ENTRY)),
    (33, "ggcr", &["1931", "2068"], Tests(ENTRY)),
    // Attaching at once lost entries of the fallback index.
    (33, "ggcr", &["2205"], Tests(&[
        "ggcr_2205_what_another_writer_takes_away_is_put_back_theirs_too_but_nothing_deleted"])),
    // A second PUT into a session that broke: 416, or 404 BLOB_UPLOAD_INVALID.
    (34, "acr", &["866"], Tests(&[
        "acr_866_regclient_331_dagger_13749_a_broken_upload_begins_a_new_session_with_all_its_bytes",
        "azure_acr_866_an_upload_that_broke_is_begun_anew"])),
    (34, "azure_sdk", &["29738", "34276", "25448"], Tests(&[
        "azure_sdk_29738_34276_25448_a_session_that_is_gone_is_a_new_session"])),
    // A name that led to another region in mid-push.
    (35, "acr", &["588"], Tests(&[
        "acr_588_a_name_keeps_its_addresses_until_none_can_be_reached",
        "azure_acr_588_blobs_that_another_region_lacks_are_pushed_again"])),
    // Cookies made Harbor ask for a CSRF token.
    (36, "harbor", &["11682"], Tests(&["harbor_11682_no_cookie_comes_back_and_every_request_is_plain"])),
    // ECR says 403, and public ECR 400, to a token that has ended.
    (37, "flipt", &["3043"], Tests(&[
        "flipt_3043_a_token_that_ended_is_renewed_though_the_status_is_403",
        "flipt_3043_an_expired_password_is_named_as_such"])),
    (37, "containers_roadmap", &["2835"], Tests(&[
        "containers_roadmap_2835_public_ecr_refuses_an_old_token_with_400",
        "containers_roadmap_2835_an_expired_token_is_renewed"])),
    // ECR fails at an empty PUT; GHCR at a Content-Range of a whole blob, or of more than 4 MiB.
    (38, "tart", &["159", "179"], Tests(&[
        "tart_159_chunks_where_a_minimum_is_announced_and_the_last_bytes_ride_in_the_put",
        "roci_176_tart_179_krustlet_670_regclient_32d63bb_a_small_blob_is_one_post_and_one_put"])),
    (38, "ocx", &["237"], Tests(&["ocx_237_ghcr_takes_four_mebibytes_with_a_range"])),
    // Many tokens at once for a new repository of Quay.
    (39, "nebi", &["539"], Tests(&[
        "nebi_539_tasks_that_want_the_same_token_share_one_call", "nebi_539_many_blobs_want_one_token"])),
    // Byte 0 again into a session that has bytes.
    (40, "dist", &["2593"], Tests(BYTE_0)),
    (40, "buildah", &["1133"], Tests(BYTE_0)),
    (40, "containerization", &["790"], Tests(BYTE_0)),
    // "short read" after 429: another try read on from the end of the source.
    (41, "dagger", &["13749"], Tests(&[
        "dagger_13749_429_in_an_upload_sends_all_bytes_again",
        "acr_866_regclient_331_dagger_13749_a_broken_upload_begins_a_new_session_with_all_its_bytes"])),
];

const ENTRY: &[&str] = &["cosign_4641_ggcr_1931_ggcr_2068_an_entry_has_artifact_type_and_annotations"];

const BYTE_0: &[&str] = &["dist_2593_buildah_1133_containerization_790_byte_0_never_goes_into_the_old_session"];

/// What no other client joins, and the tests that show it with the real binary (or where it takes a clock of its own).
#[rustfmt::skip]
const RELIABILITY: &[(&str, &[&str])] = &[
    ("jitter", &["waits_stay_in_bounds", "waits_are_random"]),
    ("Retry-After", &["retry_after_in_both_forms", "a_server_that_names_a_wait_gets_it"]),
    ("total deadline", &["the_timeout_ends_a_pull_in_mid_transfer", "the_timeout_ends_a_push_in_mid_transfer"]),
    ("idle timeout of each read", &["a_blob_that_stalls_three_times_is_fetched_on", "slow_bytes_are_no_fault"]),
    ("restart of a blob", &["a_reset_in_the_middle_of_a_blob_sends_it_again"]),
    ("resume by range, hash carried on", &["a_rest_that_is_wrong_is_found_by_the_hash_of_the_whole",
        "ggcr_2084_a_pull_that_is_cut_often_fetches_next_to_nothing_twice"]),
    ("401 in mid-transfer", &["an_expired_token_in_the_middle_of_a_push_is_renewed_once",
        "a_token_that_ends_between_two_parts_of_a_pull_is_renewed"]),
];

/// The Rust files below `top`.
fn sources(top: &str) -> Vec<(Utf8PathBuf, String)> {
    let root = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(top);
    let files = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.unwrap());
    files
        .filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
        .filter(|path| path.extension() == Some("rs"))
        .map(|path| (path.clone(), fs_err::read_to_string(path).unwrap()))
        .collect()
}

/// The names of all functions that are tests which run every time.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in sources("src").into_iter().chain(sources("tests")) {
        let (mut test, mut ignored) = (false, false);
        for line in text.lines().map(str::trim) {
            // In `proptest!` the attribute stands there, too.
            test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            ignored |= line.starts_with("#[ignore");
            let named = line.trim_start_matches("async ").strip_prefix("fn ");
            if let Some((name, _)) = named.and_then(|rest| rest.split_once('(')) {
                if test && !ignored {
                    names.insert(name.to_owned());
                }
                (test, ignored) = (false, false);
            }
        }
    }
    names
}

#[test]
fn every_bug_has_its_row_and_every_row_its_tests() {
    let tests = tests();
    let numbers: BTreeSet<u8> = BUGS.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=41).collect());
    for (number, project, issues, Tests(names)) in BUGS {
        for name in *names {
            assert!(tests.contains(*name), "{number}: there is no test {name}");
        }
        // Each is found by its project and number.
        for issue in *issues {
            let named = |name: &&&str| name.contains(&format!("{project}_")) && name.contains(&format!("_{issue}_"));
            assert!(names.iter().any(|name| named(&name)), "{number}: {project}#{issue}");
        }
    }
    for (row, names) in RELIABILITY {
        for name in *names {
            assert!(tests.contains(*name), "{row}: there is no test {name}");
        }
    }
}
