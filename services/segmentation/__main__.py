"""The segmentation process: `python -m services.segmentation`."""

from libs.common.processing import run_processor
from libs.common.processor import Processor
from libs.common.topics import SEGMENTATION_GROUP, STORE_FEED
from services.segmentation.processor import Segmentation
from services.segmentation.solver import Solver
from services.segmentation.store import Partition


def prepare(processor: Processor[Partition]) -> None:
    """Have plans solved beside."""
    processor.beside.append(Solver(processor.settings, processor).run)


if __name__ == "__main__":
    run_processor("segmentation", SEGMENTATION_GROUP, STORE_FEED, Segmentation, prepare)
