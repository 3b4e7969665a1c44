#!/bin/bash
# How Slurm does the jobs of a study. `task study --on slurm` fills in what stands in double braces, once for each array
# of jobs that are alike, and submits that. A run keeps a copy as data/runs/NAME/slurm/template.sh, which counts for it
# from then on. Change it as your cluster asks: a partition, an account, modules to load, `--gres=gpu:1`. sbatch's
# variables come first: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.
#SBATCH --job-name={{name}}
#SBATCH --array={{array}}
# A job has one task, or one for each worker of a training (--train-workers), on as many nodes as Slurm finds them room;
# `--ntasks-per-node=1` spreads them. Memory is a node's then, or each core's.
#SBATCH --ntasks={{workers}}
#SBATCH --cpus-per-task={{threads}}
#SBATCH --mem{{per}}={{memory}}M
#SBATCH --output={{folder}}/%A_%a.out
#SBATCH --open-mode=append
# A job that takes longer is told two minutes before its time ends, saves its state and is put into the queue again. So
# is one whose node dies. The two minutes must be enough for a step of training and for writing the state.
# The whole time must be enough for what is not saved in parts, such as the probing of one layer: else it begins anew each
# time.
#SBATCH --time=4:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue

jobs=({{jobs}})
job=${jobs[$SLURM_ARRAY_TASK_ID]}
exec >>{{logs}}/"$job".log 2>&1
echo "$(date -u +%FT%TZ) Slurm's job ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID, start $((${SLURM_RESTART_COUNT:-0} + 1))"

cd {{project}} || exit 1
{{command}} "$job" --run {{run}} --threads {{threads}} </dev/null &
pid=$!
trap 'told=1; kill -USR2 $pid' USR1 # the time ends; at USR1 itself Deno would open a debugger, to all users of the node
trap 'told=1' TERM                  # scancel, or another job comes first: Slurm tells the job as well, which saves
wait $pid; code=$?
while [ -n "$told" ]; do told=; wait $pid; code=$?; done

case $code in
  75 | 140) # it stopped for SIGUSR2, or ended by it before it listened
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" ;;
esac
exit $code
