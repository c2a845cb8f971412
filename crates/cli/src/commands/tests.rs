use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use insta::assert_snapshot;
use windlass_api::Object;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::TaskRun;
use windlass_api::tekton::pipelinerun::SkippedTask;
use windlass_api::tekton::taskrun::TaskRunResult;

use crate::exit::Exit;
use crate::fake::Act;
use crate::fake::FakePlanes;
use crate::fake::NoPlanes;
use crate::fake::Said;
use crate::fake::at;
use crate::fake::condition;
use crate::fake::ended;
use crate::fake::execute;
use crate::fake::step;
use crate::fake::task_run;

const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: hello}
spec:
  params: [{name: who, default: world}]
  steps: [{name: greet, image: busybox, script: 'echo Hello $(params.who)'}]
";

const PIPELINE: &str = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: ship}
spec:
  params:
    - {name: version, description: What to ship}
    - {name: systems, type: array}
    - {name: channel, default: stable}
  workspaces: [{name: source}, {name: cache, optional: true}]
  tasks:
    - name: build
      taskSpec: {steps: [{name: compile, image: gcc, script: make}]}
    - name: test
      runAfter: [build]
      retries: 2
      taskSpec: {steps: [{name: check, image: gcc, script: make check}]}
    - name: deploy
      when: [{input: $(params.channel), operator: in, values: [stable]}]
      runAfter: [test]
      taskRef: {name: deployer}
  finally:
    - name: report
      taskSpec: {steps: [{image: busybox, script: echo done}]}
";

fn in_files(files: &[(&str, &str)], planes: &FakePlanes, arguments: &[&str]) -> Said {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    execute(planes, directory.path(), arguments)
}

fn task_of(object: &Object) -> TaskRun {
    let Object::TaskRun(run) = object else {
        panic!("expected a TaskRun, got {object:?}");
    };
    let mut run = TaskRun::clone(run);
    run.status.pod_name = format!("{}-pod", run.metadata.name);
    run.status.start_time = Some(at(1_000));
    run
}

fn see(run: TaskRun) -> Act {
    Act::See(Object::TaskRun(Arc::new(run)))
}

/// Plays a task that greets.
fn greeting() -> FakePlanes {
    FakePlanes::new(|object| {
        let mut run = task_of(object);
        let started = see(run.clone());
        run.status.steps = vec![step("greet", 0, "Completed")];
        run.status.results = vec![TaskRunResult {
            name: "said".to_owned(),
            value: "Hello\n".into(),
            ..TaskRunResult::default()
        }];
        vec![
            // Output may come before the plane says whose it is, and in pieces.
            Act::Print("hello-run-abcde-pod", "step-greet", b"Hello "),
            started,
            Act::Print("hello-run-abcde-pod", "step-greet", b"world\nno newline"),
            Act::Print("hello-run-abcde-pod", "step-greet", b""),
            see(ended(
                run,
                "True",
                "Succeeded",
                "All Steps have completed executing",
            )),
        ]
    })
}

#[test]
fn a_lone_task_is_run_and_its_output_is_the_product() {
    let planes = greeting();
    let said = in_files(
        &[("hello.yaml", TASK)],
        &planes,
        &["run", "@/hello.yaml", "--param", "who=all"],
    );
    assert_snapshot!(said.out, @r#"
    [hello : greet] Hello world
    [hello : greet] no newline

    TASK   STATE        REASON     DURATION
    hello  ✔ succeeded  Succeeded  1.5s

    RESULT  VALUE
    said    Hello

    TaskRun hello-run-abcde succeeded in 1.5s
    "#);
    assert_eq!((said.err.as_str(), said.exit), ("", Exit::Succeeded));
    assert_eq!(
        planes.client.keys(),
        [
            "Task default/hello",
            "TaskRun default/hello-run-abcde",
            "ServiceAccount default/default"
        ]
    );
}

#[test]
fn with_output_stdout_holds_the_list_alone() {
    let said = in_files(
        &[("hello.yaml", TASK)],
        &greeting(),
        &["run", "@/hello.yaml", "--output", "yaml"],
    );
    assert_snapshot!(said.out, @r#"
    apiVersion: v1
    items:
    - apiVersion: tekton.dev/v1
      kind: TaskRun
      metadata:
        generateName: hello-run-
        name: hello-run-abcde
        namespace: default
      spec:
        taskRef:
          kind: Task
          name: hello
      status:
        completionTime: "1970-01-01T00:00:02.500Z"
        conditions:
        - message: All Steps have completed executing
          reason: Succeeded
          status: "True"
          type: Succeeded
        podName: hello-run-abcde-pod
        results:
        - name: said
          value: |
            Hello
        startTime: "1970-01-01T00:00:01Z"
        steps:
        - container: step-greet
          name: greet
          terminated:
            exitCode: 0
          terminationReason: Completed
    kind: List
    "#);
    assert_snapshot!(said.err, @r#"
    [hello : greet] Hello world
    [hello : greet] no newline

    TASK   STATE        REASON     DURATION
    hello  ✔ succeeded  Succeeded  1.5s

    RESULT  VALUE
    said    Hello

    TaskRun hello-run-abcde succeeded in 1.5s
    "#);
}

#[test]
fn quiet_leaves_the_outcome() {
    let said = in_files(
        &[("hello.yaml", TASK)],
        &greeting(),
        &["run", "@/hello.yaml", "--quiet"],
    );
    assert_snapshot!(said.out, @"TaskRun hello-run-abcde succeeded in 1.5s");
}

#[test]
fn logs_are_kept_one_file_per_step() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("hello.yaml"), TASK).unwrap();
    execute(
        &greeting(),
        directory.path(),
        &["run", "@/hello.yaml", "--log-dir", "@/logs"],
    );
    let log = fs::read_to_string(directory.path().join("logs/hello/greet.log")).unwrap();
    assert_eq!(log, "Hello world\nno newline");
}

#[test]
fn a_step_that_prints_nothing_has_an_empty_log() {
    let silent = FakePlanes::new(|object| {
        let run = task_of(object);
        vec![
            see(run.clone()),
            Act::Print("hello-run-abcde-pod", "step-greet", b""),
            see(ended(
                run,
                "True",
                "Succeeded",
                "All Steps have completed executing",
            )),
        ]
    });
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("hello.yaml"), TASK).unwrap();
    execute(
        &silent,
        directory.path(),
        &["run", "@/hello.yaml", "--log-dir", "@/logs"],
    );
    let log = fs::read_to_string(directory.path().join("logs/hello/greet.log")).unwrap();
    assert_eq!(log, "");
}

/// Plays a pipeline whose second task fails.
fn failing(object: &Object) -> Vec<Act> {
    let Object::PipelineRun(root) = object else {
        panic!("expected a PipelineRun, got {object:?}");
    };
    let mut root = PipelineRun::clone(root);
    let build = ended(
        task_run(Some(&root), "ship-run-abcde-build", "build"),
        "True",
        "Succeeded",
        "",
    );
    let mut test = task_run(Some(&root), "ship-run-abcde-test", "test");
    test.status.retries_status = vec![test.status.clone(); 2];
    test.status.pod_name = "ship-run-abcde-test-pod-retry2".to_owned();
    let running = test.clone();
    test.status.steps = vec![step("check", 2, "Error"), step("after", 1, "Skipped")];
    let test = ended(test, "False", "Failed", "\"step-check\" exited with code 2");
    let document: serde_json::Value = windlass_api::yaml::load(PIPELINE.as_bytes())
        .unwrap()
        .remove(0)
        .value;
    let spec: PipelineSpec = serde_json::from_value(document["spec"].clone()).unwrap();
    root.status.pipeline_spec = Some(Arc::new(spec));
    root.status.skipped_tasks = vec![SkippedTask {
        name: "deploy".to_owned(),
        reason: "PipelineRun was stopping".to_owned(),
        ..SkippedTask::default()
    }];
    root.status.start_time = Some(at(500));
    root.status.completion_time = Some(at(4_000));
    root.status.conditions = condition(
        "False",
        "Failed",
        "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1",
    );
    vec![
        see(build),
        see(running),
        Act::Print(
            "ship-run-abcde-test-pod-retry2",
            "step-check",
            b"1 of 3 \xff\ncheck: \x1b[31mwrong\x1b[0m\x07\n",
        ),
        Act::Print("ship-run-abcde-test-pod-retry2", "step-check", b""),
        see(test),
        Act::See(Object::PipelineRun(Arc::new(root))),
    ]
}

const SHIP: &[&str] = &[
    "run",
    "@/ship.yaml",
    "--param",
    "version=1",
    "--param",
    "systems=linux,bsd",
    "--workspace",
    "source=emptyDir",
];

#[test]
fn a_failure_names_the_step_and_its_last_lines() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("ship.yaml"), PIPELINE).unwrap();
    let mut arguments = SHIP.to_vec();
    arguments.push("--quiet");
    let quiet = execute(&FakePlanes::new(failing), directory.path(), &arguments);
    assert_snapshot!(quiet.out, @r#"
    PipelineRun ship-run-abcde failed in 3.5s
      Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1
    "#);
    arguments.pop();
    arguments.extend(["--output", "json"]);
    let said = execute(
        &FakePlanes::new(|object| {
            let mut acts = failing(object);
            acts.retain(|act| !matches!(act, Act::Print(_, _, bytes) if bytes.contains(&0xff)));
            acts.insert(
                2,
                Act::Print(
                    "ship-run-abcde-test-pod-retry2",
                    "step-check",
                    b"1 of 3\ncheck: \x1b[31mwrong\x1b[0m\x07\n",
                ),
            );
            acts
        }),
        directory.path(),
        &arguments,
    );
    assert_snapshot!(said.err, @"[test : check] 1 of 3\n[test : check] check: \u{1b}[31mwrong\u{1b}[0m\u{7}\n\nTASK    STATE          REASON                    DURATION\nbuild   ✔ succeeded    Succeeded                 1.5s\ntest    ✘ failed       Failed (3 attempts)       1.5s\ndeploy  ↷ skipped      PipelineRun was stopping\nreport  ○ not started\n\ntest : check failed with exit code 2\n  │ 1 of 3\n  │ check: wrong␇\n\nPipelineRun ship-run-abcde failed in 3.5s\n  Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 1");
    assert_eq!(said.exit, Exit::Failed);
    let list: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["ship-run-abcde", "ship-run-abcde-build", "ship-run-abcde-test"]
    );
}

#[test]
fn a_machine_that_refuses_is_an_environment_error() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("hello.yaml"), TASK).unwrap();
    let said = execute(&NoPlanes, directory.path(), &["run", "@/hello.yaml"]);
    assert_snapshot!(said.err, @"error: start the host executor: user namespaces are off");
    assert_eq!(said.exit, Exit::Environment);
}

#[test]
fn what_the_command_line_asks_of_the_plane_reaches_it() {
    let planes = greeting();
    let arguments = [
        "run",
        "@/hello.yaml",
        "--executor",
        "host-shared",
        "--max-parallel",
        "3",
        "--fail-fast",
        "--strict-limits",
    ];
    in_files(&[("hello.yaml", TASK)], &planes, &arguments);
    let options = planes.options.lock().unwrap().clone().unwrap();
    assert_eq!(options.executor, crate::plane::Executor::HostShared);
    assert_eq!(options.max_parallel, Some(3));
    assert!(options.fail_fast && options.strict_limits);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of mistakes and their answers")]
fn mistakes_are_answered_with_a_way_out() {
    let two = format!("{TASK}---\n{}", TASK.replace("hello", "other"));
    let run = "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {generateName: a-}\nspec: {taskRef: {name: hello}}\n";
    let twice = format!("{TASK}---\n{TASK}");
    let files = [
        ("two.yaml", two.as_str()),
        ("runs.yaml", &format!("{run}---\n{}", run.replace("a-", "b-"))),
        ("ship.yaml", PIPELINE),
        ("twice.yaml", &twice),
        (
            "map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: alone}\n",
        ),
        (
            "typo.yaml",
            &TASK.replace("script", "skript").replace("image", "imagge"),
        ),
        ("values.yaml", "who: [a, b]\n"),
    ];
    let rows: &[(&[&str], Exit)] = &[
        (&["run", "@/two.yaml"], Exit::InvalidInput),
        (&["run", "@/runs.yaml"], Exit::InvalidInput),
        (&["run", "@/two.yaml", "--task", "third"], Exit::InvalidInput),
        (&["run", "@/map.yaml"], Exit::InvalidInput),
        (&["run", "@/missing.yaml"], Exit::InvalidInput),
        (&["run", "@/twice.yaml"], Exit::InvalidInput),
        (&["run", "@/typo.yaml"], Exit::InvalidInput),
        (&["run", "@/ship.yaml"], Exit::Usage),
        (
            &[
                "run",
                "@/ship.yaml",
                "--param",
                "version=1",
                "--param",
                "systems=a,b",
            ],
            Exit::Usage,
        ),
        (&["run", "@/ship.yaml", "--param", "vresion=1"], Exit::Usage),
        (&["run", "@/ship.yaml", "--param", "systems=[1]"], Exit::Usage),
        (&["run", "@/ship.yaml", "--workspace", "sauce=."], Exit::Usage),
        (
            &["run", "@/two.yaml", "--task", "hello", "--param", "nobody=x"],
            Exit::Usage,
        ),
        (&["graph", "@/map.yaml"], Exit::InvalidInput),
    ];
    let mut text = String::new();
    for (arguments, exit) in rows {
        let said = in_files(&files, &greeting(), arguments);
        assert_eq!((said.exit, said.out.as_str()), (*exit, ""), "{arguments:?}");
        let _ = write!(
            text,
            "$ windlass {}\n{}\n",
            arguments.join(" ").replace("@/", ""),
            said.err
        );
    }
    assert_snapshot!(text, @r#"
    $ windlass run two.yaml
    error: 2 objects could be run
      hint: choose one:
            --task hello  (Task, two.yaml:3:1)
            --task other  (Task, two.yaml:10:1)

    $ windlass run runs.yaml
    error: 2 objects could be run
      hint: choose one:
            --run a-  (TaskRun, runs.yaml:3:1)
            --run b-  (TaskRun, runs.yaml:8:1)

    $ windlass run two.yaml --task third
    error: there is no Task "third" in the input
      hint: there is
            --task hello  (Task, two.yaml:3:1)
            --task other  (Task, two.yaml:10:1)

    $ windlass run map.yaml
    error: there is nothing to run: the input holds ConfigMap "alone"
      hint: a TaskRun, PipelineRun or CustomRun is run, or a lone Pipeline or Task

    $ windlass run missing.yaml
    error: missing.yaml: cannot be read: No such file or directory (os error 2)

    $ windlass run twice.yaml
    error: twice.yaml:10:18: metadata.name: there are two Task objects "hello"
      hint: the first is at twice.yaml:3:18

    $ windlass run typo.yaml
    error: typo.yaml:6:25: spec.steps[0].imagge: unknown field "imagge"
      hint: did you mean "image"?
    error: typo.yaml:6:42: spec.steps[0].skript: unknown field "skript"
      hint: did you mean "script"?

    $ windlass run ship.yaml
    error: parameters version, systems have no value; workspace source is not bound
      hint: give
            --param version=TEXT  What to ship
            --param systems='["a","b"]'
            --workspace source=DIR  or  source=emptyDir

    $ windlass run ship.yaml --param version=1 --param systems=a,b
    error: workspace source is not bound
      hint: give
            --workspace source=DIR  or  source=emptyDir

    $ windlass run ship.yaml --param vresion=1
    error: there is no parameter "vresion"
      hint: declared: version, systems, channel

    $ windlass run ship.yaml --param systems=[1]
    error: --param systems: expected an array: JSON strings, or texts with commas between them
      hint: for instance --param 'systems=["a","b"]'

    $ windlass run ship.yaml --workspace sauce=.
    error: there is no workspace "sauce"
      hint: declared: source, cache

    $ windlass run two.yaml --task hello --param nobody=x
    error: there is no parameter "nobody"
      hint: declared: who

    $ windlass graph map.yaml
    error: there is nothing to run: the input holds ConfigMap "alone"
      hint: a TaskRun, PipelineRun or CustomRun is run, or a lone Pipeline or Task
    "#);
}

#[test]
fn a_dry_run_shows_order_values_and_images() {
    let mut arguments = SHIP.to_vec();
    arguments.push("--dry-run");
    let said = in_files(&[("ship.yaml", PIPELINE)], &greeting(), &arguments);
    assert_snapshot!(said.out, @r#"
    PipelineRun ship-run-… in namespace default

    PARAM    VALUE            FROM
    version  1                given
    systems  ["linux","bsd"]  given
    channel  stable           default

    WORKSPACE  SOURCE
    source     an empty directory for each task
    cache      not bound (optional)

      1  build
           compile  gcc
      2  test  ← build  [retries 2]
           check  gcc
      3  deploy  ← test  [when $(params.channel) in [stable]]
           "deployer" is not in the input
      finally
         report
           unnamed-0  busybox
    "#);
}

#[test]
fn validate_lists_all_problems_in_the_order_of_the_files() {
    let files = [
        (
            "b.yaml",
            TASK.replace("script", "skript")
                .replace("name: greet", "name: Greet"),
        ),
        (
            "a.yaml",
            format!("{PIPELINE}---\n{}", TASK.replace("[{name: who", "[{name: 'wh o'")),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let said = in_files(&files, &greeting(), &["validate", "@/b.yaml", "@/a.yaml"]);
    assert_snapshot!(said.out, @r#"
    error: a.yaml:29:3: spec.params: The format of following array and string variable names is invalid: [wh o]
      hint: String/Array Names: 
            Must only contain alphanumeric characters, hyphens (-), underscores (_), and dots (.)
            Must begin with a letter or an underscore (_)
    error: a.yaml:30:49: spec.steps[0].script: non-existent variable in "echo Hello $(params.who)"
      hint: nothing declares $(params.who); did you mean $(params.wh o)?
    error: b.yaml:6:41: spec.steps[0].skript: unknown field "skript"
      hint: did you mean "script"?
    3 errors
    "#);
    assert_eq!(said.exit, Exit::InvalidInput);
    let json = in_files(&files, &greeting(), &["lint", "@/b.yaml", "--output", "json"]);
    assert_snapshot!(json.out, @r#"
    {
      "problems": [
        {
          "file": "b.yaml",
          "line": 6,
          "column": 41,
          "path": "spec.steps[0].skript",
          "message": "unknown field \"skript\"",
          "hint": "did you mean \"script\"?",
          "severity": "error",
          "code": "unknown-field"
        }
      ]
    }
    "#);
}

#[test]
fn portable_refuses_what_only_this_program_knows() {
    let pipeline = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: own}
spec:
  tasks:
    - name: wait
      taskRef: {apiVersion: windlass.dev/v1alpha1, kind: Wait, name: a-while}
    - name: inner
      pipelineSpec: {tasks: [{name: a, taskSpec: {steps: [{image: busybox}]}}]}
";
    let files = [("own.yaml", pipeline)];
    let valid = in_files(&files, &greeting(), &["validate", "@/own.yaml"]);
    assert_snapshot!(valid.out, @"1 object in 1 file valid");
    let portable = in_files(&files, &greeting(), &["validate", "@/own.yaml", "--portable"]);
    assert_snapshot!(portable.out, @r#"
    error: own.yaml:7:29: spec.tasks[0].taskRef.apiVersion: windlass.dev/v1alpha1 Wait is known to Windlass only
      hint: on a cluster, a controller for this custom task is needed
    error: own.yaml:9:7: spec.tasks[1].pipelineSpec: pipelineSpec requires "enable-api-fields" feature gate to be "alpha" but it is "beta"
    2 errors
    "#);
}

#[test]
fn completions_and_schema_are_printed_whole() {
    let said = in_files(&[], &greeting(), &["completions", "bash"]);
    assert!(said.out.contains("_windlass()") && said.out.contains("--param-file"));
    let said = in_files(&[], &greeting(), &["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(schema["$defs"]["tekton.dev.v1.PipelineRun"]["properties"]["spec"].is_object());
    let versions = schema["properties"]["apiVersion"]["enum"].to_string();
    assert_snapshot!(versions, @r#"["tekton.dev/v1","tekton.dev/v1beta1","tekton.dev/v1alpha1","resolution.tekton.dev/v1beta1","v1","rbac.authorization.k8s.io/v1","coordination.k8s.io/v1","apiextensions.k8s.io/v1","windlass.dev/v1alpha1"]"#);
}

fn help(command: &str) -> String {
    let mut whole = crate::arguments::Arguments::definition().term_width(100);
    whole.build();
    match command {
        "" => whole.render_help().to_string(),
        name => whole.find_subcommand_mut(name).unwrap().render_help().to_string(),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "whole help texts")]
fn help_fits_on_a_screen_and_ends_with_examples() {
    assert_snapshot!(help(""), @r#"
    Run Tekton pipelines from one binary, without a cluster

    Usage: windlass [OPTIONS] <COMMAND>

    Commands:
      run          Run the Tekton objects of files on this machine
      serve        Serve a plane: resources, watches and logs for kubectl, tkn and `windlass`
      runner       Execute what a server hands out, on this machine
      validate     List every problem of files, without running them [alias: lint]
      graph        Show the tasks of a pipeline and their order
      image        Manage the images that steps run in
      schema       Print the JSON Schema of all objects, for editors
      completions  Print completions for a shell
      version      Print the version
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --color <WHEN>  Use colours: auto, always or never; the variable `NO_COLOR` turns auto off
                          [default: auto]
      -v, --verbose       Say on stderr what happens inside; the variable `WINDLASS_LOG` chooses how
                          much

    Examples:
      windlass run pipeline.yaml                          Run what a file holds
      windlass run task.yaml --param version=1.2          Run a lone Task with a value
      windlass validate .                                 List every problem of a directory
      windlass graph pipeline.yaml --format svg > p.svg   Draw the tasks

    `windlass help COMMAND` describes a command.
    "#);
    assert_snapshot!(help("run"), @r#"
    Run the Tekton objects of files on this machine

    Usage: windlass run [OPTIONS] <FILE>...

    Arguments:
      <FILE>...  Files, directories, or - for stdin

    Options:
      -h, --help  Print help

    What to take:
          --pipeline <NAME>  Take the Pipeline of this name
          --task <NAME>      Take the Task of this name
          --run <NAME>       Take the run object (a task run, pipeline run or custom run) of this name
          --first            Take the first run object, in the order of the files

    Values:
      -p, --param <NAME=VALUE>       Give a parameter its value; arrays and objects as JSON, arrays also
                                     as a,b
          --param-file <FILE>        Read values of parameters from a YAML or JSON file; `--param` wins
      -w, --workspace <NAME=SOURCE>  Bind a workspace: a directory (written in place), emptyDir,
                                     pvc:NAME, configmap:NAME or secret:NAME
          --timeout <DURATION>       Bound the duration of the run, for instance 90s or 1h30m; 0 is no
                                     bound
      -l, --label <KEY=VALUE>        Label the run
      -n, --namespace <NAME>         Namespace of objects that name none [default: default]

    Execution:
          --executor <EXECUTOR>    What runs steps: host, host-shared, container, engine or auto
                                   [default: host]
          --network <NETWORK>      Network of containers: the machine's (host) or a task's own (private)
                                   [default: host]
          --store <DIR>            Directory of the image store, instead of this user's [env:
                                   WINDLASS_IMAGES]
          --max-parallel <NUMBER>  Run at most so many tasks at the same time; the default depends on
                                   the number of processors
          --fail-fast              Cancel running siblings when a task fails
          --strict-limits          Enforce upstream's limit of 4096 bytes of results per task
          --dry-run                Show what would run, in which order and with what, and run nothing

    Output:
      -o, --output <FORMAT>  Print the run and its children as one List, json or yaml; all else goes to
                             stderr
      -q, --quiet            Leave out everything but the outcome
          --log-dir <DIR>    Keep the output of each step in a file of its own, DIR/TASK/STEP.log

    Global options:
          --color <WHEN>  Use colours: auto, always or never; the variable `NO_COLOR` turns auto off
                          [default: auto]
      -v, --verbose       Say on stderr what happens inside; the variable `WINDLASS_LOG` chooses how
                          much

    Examples:
      windlass run pipeline.yaml                       Run what the file holds
      windlass run task.yaml --param version=1.2.3     Run a lone Task with a value
      windlass run ci/ --pipeline build --workspace source=.
      windlass run p.yaml --param 'systems=["linux","bsd"]' --param 'image={"name":"x"}'
      generate | windlass run - --output json > outcome.json
      windlass run pipeline.yaml --dry-run             Show what would happen

    A run object (TaskRun, PipelineRun, CustomRun) is run as it says; without one, a lone
    Pipeline or Task is. The first Ctrl-C cancels and lets `finally` run, the second ends at once.

    Exit codes:
      0  succeeded             3    wrong input, or unclear what to run
      1  the run failed        4    this machine cannot do what was asked
      2  wrong command line    130  cancelled
    "#);
    assert_snapshot!(help("validate"), @r#"
    List every problem of files, without running them

    Usage: windlass validate [OPTIONS] <FILE>...

    Arguments:
      <FILE>...  Files, directories, or - for stdin

    Options:
          --portable         Also refuse what an upstream installation with its default settings would
                             refuse
      -o, --output <FORMAT>  Print problems for programs: json
      -h, --help             Print help

    Global options:
          --color <WHEN>  Use colours: auto, always or never; the variable `NO_COLOR` turns auto off
                          [default: auto]
      -v, --verbose       Say on stderr what happens inside; the variable `WINDLASS_LOG` chooses how
                          much

    Examples:
      windlass validate pipeline.yaml tasks/   Files and directories
      windlass validate --portable .           Also what upstream's default settings refuse
      windlass validate --output json .        For programs

    Exit codes: 0 nothing is wrong (there may be warnings), 3 something is.
    "#);
    assert_snapshot!(help("graph"), @r#"
    Show the tasks of a pipeline and their order

    Usage: windlass graph [OPTIONS] <FILE>...

    Arguments:
      <FILE>...  Files, directories, or - for stdin

    Options:
      -f, --format <FORMAT>  Draw as text, mermaid, dot or svg [default: text]
      -h, --help             Print help

    What to take:
          --pipeline <NAME>  Take the Pipeline of this name
          --task <NAME>      Take the Task of this name
          --run <NAME>       Take the run object (a task run, pipeline run or custom run) of this name
          --first            Take the first run object, in the order of the files

    Global options:
          --color <WHEN>  Use colours: auto, always or never; the variable `NO_COLOR` turns auto off
                          [default: auto]
      -v, --verbose       Say on stderr what happens inside; the variable `WINDLASS_LOG` chooses how
                          much

    Examples:
      windlass graph pipeline.yaml
      windlass graph ci/ --pipeline build --format svg > build.svg
      windlass graph pipeline.yaml --format dot | dot -Tpng > pipeline.png
    "#);
}
